"""Pictures: charts as SVG, heat maps and thumbnails, with what all of them share."""
