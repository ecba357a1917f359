"""The leaderboard: store, site, submissions and the command line."""
