// Elements and requests. Foreign text only ever becomes text nodes: nothing here parses HTML.

export const byId = (id) => document.getElementById(id);

export function make(tag, about = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(about)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && !name.includes("-") && name !== "role" && name !== "list") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export async function get(path, asked = {}) {
  return answered(await fetch(`${path}?${new URLSearchParams(asked)}`));
}

export async function post(path, given) {
  return answered(await fetch(path, { method: "POST", body: JSON.stringify(given) }));
}

async function answered(response) {
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

// fetch cannot tell how far an upload is.
export function send(path, asked, file, progress) {
  const request = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    request.upload.addEventListener("progress", (event) => progress(event.loaded / (event.total || 1)));
    request.addEventListener("load", () => {
      const answer = JSON.parse(request.responseText);
      if (request.status === 200) resolve(answer);
      else reject(new Error(answer.error));
    });
    request.addEventListener("error", () => reject(new Error("could not be read or sent (is it a folder?)")));
    request.addEventListener("abort", () => reject(new Error("not sent")));
  });
  request.open("POST", `${path}?${new URLSearchParams(asked)}`);
  request.send(file);
  return { done, stop: () => request.abort() };
}

let hiding;

export function toast(words) {
  const place = byId("toast");
  place.textContent = words;
  place.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => { place.hidden = true; }, 6000);
}

// For actions started by a click: whatever goes wrong is shown.
export const telling = (action) => async (...given) => {
  try {
    return await action(...given);
  } catch (error) {
    toast(error.message);
    return undefined;
  }
};

export function bytes(count) {
  if (count < 1024) return count === 1 ? "1 byte" : `${count} bytes`;
  if (count < 1024 ** 2) return `${Math.round(count / 1024)} KB`;
  return `${(count / 1024 ** 2).toFixed(1)} MB`;
}
