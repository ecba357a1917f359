// Data for the pages. Browsers let a page opened from the file system load scripts, but not fetch files.
"use strict";

window.nonsingular = (() => {
  const received = new Map();
  const loading = new Map();

  // Called by the data's own files.
  const receive = (name, data) => received.set(name, data);

  // The data of that name from the script at `path`; rejects with a message for the reader.
  const load = (path, name) => {
    if (!loading.has(name)) {
      loading.set(name, new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = path;
        script.addEventListener("load", () => {
          if (received.has(name)) resolve(received.get(name));
          else reject(new Error(`${path} holds no ${name}`));
        });
        script.addEventListener("error", () => reject(new Error(`cannot read ${path}`)));
        document.head.append(script);
      }));
    }
    return loading.get(name);
  };

  return { receive, load };
})();
