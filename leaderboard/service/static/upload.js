// Sends the form's file by itself, with its progress, and goes on after a lost connection. Without this
// script the browser sends the form as a whole.
(function () {
  "use strict";

  const ATTEMPTS = 6;
  const form = document.getElementById("upload");
  const problem = document.getElementById("problem");
  const sending = document.getElementById("sending");
  const bar = document.getElementById("bar");
  const share = document.getElementById("share");
  const button = form.querySelector("button");
  if (!window.fetch || !window.FormData || !File.prototype.slice) {
    return;
  }

  function numbers(text) {
    return text.split(",").map(function (part) {
      const number = Number(part);
      if (!part.trim() || !isFinite(number)) {
        throw new Error("“" + part.trim() + "” is not a number. Write numbers such as 0.5, separated by commas.");
      }
      return number;
    });
  }

  function description(data) {
    const said = {};
    const claims = {};
    data.forEach(function (value, name) {
      if (name === "file" || name === "token" || !value.trim()) {
        return;
      }
      const text = value.trim();
      if (name === "mean" || name === "std") {
        said[name] = numbers(text);
      } else if (name === "extra_data") {
        said[name] = text === "yes";
      } else if (name === "clean_accuracy" || name === "robust_accuracy") {
        claims[name] = numbers(text)[0];
      } else if (name === "norm" || name === "eps" || name === "attack") {
        claims[name] = text;
      } else {
        said[name] = text;
      }
    });
    if (Object.keys(claims).length) {
      said.claims = claims;
    }
    return said;
  }

  async function answer(response) {
    const body = await response.json().catch(function () {
      return { detail: "the service answers " + response.status, fix: "try again later" };
    });
    if (!response.ok) {
      throw new Error(body.detail + ". To go on: " + body.fix + ".");
    }
    return body;
  }

  function put(address, token, file, offset) {
    return new Promise(function (resolve, reject) {
      const request = new XMLHttpRequest();
      request.open("PUT", address);
      request.setRequestHeader("Authorization", "Bearer " + token);
      request.setRequestHeader("Upload-Offset", String(offset));
      request.setRequestHeader("Content-Type", "application/octet-stream");
      request.upload.addEventListener("progress", function (event) {
        show((offset + event.loaded) / file.size);
      });
      request.addEventListener("load", function () {
        resolve(new Response(request.responseText, { status: request.status }));
      });
      request.addEventListener("error", function () {
        reject(new TypeError("the connection was lost"));
      });
      request.send(file.slice(offset));
    });
  }

  function show(value) {
    bar.value = value;
    share.textContent = Math.floor(100 * value) + "%";
  }

  async function offsetOf(address, token) {
    const response = await fetch(address, { method: "HEAD", headers: { Authorization: "Bearer " + token } });
    return Number(response.headers.get("Upload-Offset") || 0);
  }

  async function upload(address, token, file) {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      try {
        const offset = attempt ? await offsetOf(address, token) : 0;
        const received = await answer(await put(address, token, file, offset));
        if (received.complete) {
          return;
        }
      } catch (error) {
        if (!(error instanceof TypeError) || attempt === ATTEMPTS - 1) {
          throw error;
        }
      }
      await new Promise(function (resolve) { setTimeout(resolve, 1000 * Math.pow(2, attempt)); });
    }
    throw new Error("The file did not arrive completely. Try again.");
  }

  async function send() {
    const data = new FormData(form);
    const token = data.get("token").trim();
    const file = data.get("file");
    const body = { description: description(data), file_name: file.name, size: file.size };
    const created = await answer(await fetch("/api/v1/submissions", {
      method: "POST",
      headers: { Authorization: "Bearer " + token, "Content-Type": "application/json" },
      body: JSON.stringify(body),
    }));
    sending.hidden = false;
    await upload(created.file, token, file);
    window.location.assign(created.page);
  }

  form.addEventListener("submit", function (event) {
    event.preventDefault();
    button.disabled = true;
    problem.hidden = true;
    send().catch(function (error) {
      const text = error instanceof TypeError ? "The service cannot be reached. Try again later." : error.message;
      problem.querySelector("p").textContent = text.charAt(0).toUpperCase() + text.slice(1);
      problem.hidden = false;
      problem.scrollIntoView({ block: "center" });
      sending.hidden = true;
      button.disabled = false;
    });
  });
})();
