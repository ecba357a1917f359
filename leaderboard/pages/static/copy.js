// A button next to every command and snippet that copies it.
(function () {
  "use strict";

  function copied(code) {
    if (navigator.clipboard && window.isSecureContext) {
      return navigator.clipboard.writeText(code.textContent);
    }
    return new Promise(function (resolve, reject) {
      const selection = window.getSelection();
      selection.selectAllChildren(code);
      const done = document.execCommand("copy");
      selection.removeAllRanges();
      if (done) {
        resolve();
      } else {
        reject(new Error("this browser cannot copy"));
      }
    });
  }

  function addButton(pre) {
    const code = pre.querySelector("code");
    const frame = document.createElement("div");
    const button = document.createElement("button");
    frame.className = "copyable";
    button.type = "button";
    button.textContent = "Copy";
    button.setAttribute("aria-live", "polite");
    pre.replaceWith(frame);
    frame.append(pre, button);
    function say(text) {
      button.textContent = text;
      window.setTimeout(function () { button.textContent = "Copy"; }, 2000);
    }
    button.addEventListener("click", function () {
      copied(code).then(function () { say("Copied"); }, function () {
        window.getSelection().selectAllChildren(code);
        say("Selected");
      });
    });
  }

  document.querySelectorAll("pre[data-copy]").forEach(addButton);
})();
