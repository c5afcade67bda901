"use strict";
// Asks for a pair, shows it as text, and goes on once the server says that its verdict is on the disk.

const KEYS = { 1: "first", a: "first", 2: "second", b: "second", t: "tie", x: "bad", s: "skip", u: "undo", n: "note", "?": "help" };
const CODES = { KeyA: "first", KeyB: "second", KeyT: "tie", KeyX: "bad", KeyS: "skip", KeyU: "undo", KeyN: "note" };
const SAID = { first: "first is better", second: "second is better", tie: "tie", bad: "both are bad", skip: "skipped" };
const UNSEEN_MS = 200; // of a new pair, in which a key was meant for the one before
const AGAIN_MS = 1000; // until a server that does not answer is asked again

const found = (id) => document.getElementById(id);
const given = new URLSearchParams(location.hash.slice(1));
const note = document.querySelector("#note textarea");
const help = found("help");
let reading = null; // what is shown
let shownAt = 0;
let busy = true;

const state = (name) => { document.body.dataset.state = name; };
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const identity = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
const trouble = (text) => { found("trouble").textContent = text; found("trouble").hidden = !text; };
const element = (tag, className, text) => {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.textContent = text; // never HTML: whatever a response holds stays text
  return made;
};

// The answer of the server. It is asked until it is there: what is asked twice under one id is done once.
const asked = async (path, body) => {
  for (;;) {
    try {
      const reply = await fetch(path, {
        method: "POST", body: JSON.stringify({ ...body, annotator: given.get("annotator") }),
        headers: { Authorization: `Bearer ${given.get("token")}`, "Content-Type": "application/json" },
      });
      const value = await reply.json();
      trouble("");
      return { status: reply.status, value };
    } catch {
      state("waiting");
      trouble("The server does not answer. Start it again with the same port and token and this page goes on by itself; "
        + "nothing that it has acknowledged is lost.");
      await pause(AGAIN_MS);
    }
  }
};

const showPair = () => {
  const prompt = reading.messages.flatMap(({ role, content }) => {
    const text = element("div", "text", content);
    text.dir = "auto";
    return [element("h2", "", role === "user" && reading.messages.length === 1 ? "Prompt" : role), text];
  });
  found("prompt").replaceChildren(...prompt);
  document.querySelectorAll("article .text").forEach((text, place) => { text.textContent = reading.responses[place]; });
  note.value = "";
  found("note").hidden = true;
  window.scrollTo(0, 0);
  found("prompt").scrollTop = found("prompt").scrollHeight; // the last message is the one that is answered
};

const showEnd = ({ done, total, skipped }) => {
  const left = total - done;
  found("end").querySelector("h2").textContent = left ? "Nothing is left for you" : "All pairs are read";
  const others = left ? `${left} readings are left to other annotators${skipped ? ` (you have skipped ${skipped})` : ""}. Load the page `
    + "again to see whether there is something new." : "Thank you. You may close the page.";
  found("end").querySelector("p").textContent = others;
};

const showProgress = ({ progress, per_hour: pace }) => {
  found("done").textContent = `${progress.done} of ${progress.total}`;
  found("pace").textContent = pace === null ? "" : `${pace} an hour`;
  found("who").textContent = `${given.get("annotator")}: ${progress.yours}`;
  const percent = Math.round(100 * progress.done / progress.total);
  found("bar").setAttribute("aria-valuenow", String(percent));
  found("bar").firstElementChild.style.width = `${percent}%`;
};

const show = (offer) => {
  reading = offer.reading;
  showProgress(offer);
  found("pair").hidden = !reading;
  found("end").hidden = Boolean(reading);
  if (reading) showPair(); else showEnd(offer.progress);
  for (const button of document.querySelectorAll("nav button")) {
    const { word } = button.dataset;
    button.disabled = word === "undo" ? offer.last === null : word !== "help" && !reading;
  }
  shownAt = performance.now();
  document.body.dataset.key = reading ? reading.key : "";
  state(reading ? "ready" : "end");
};

const refused = ({ status, value }) => {
  const why = value.error ? value.error.message : `status ${status}`;
  trouble(status === 401 ? "The server does not know this page's token: open the address that it printed when it was started." : why);
  state(reading ? "ready" : "refused");
};

// done: what is said once the server has answered
const exchange = async (path, body, done) => {
  busy = true;
  state("busy");
  const answer = await asked(path, body);
  if (answer.status === 200) {
    show(answer.value);
    found("said").textContent = done || "\u00a0";
  } else if (answer.status === 409) {
    await exchange("next", {}, answer.value.error.message);
  } else {
    refused(answer);
  }
  busy = false;
};

const writeNote = () => { found("note").hidden = false; note.focus(); note.scrollIntoView({ block: "nearest" }); };

const act = (word) => {
  if (word === "help") return help.showModal();
  if (busy) return undefined;
  if (word === "undo") return exchange("undo", { id: identity() }, "Undone: here it is again.");
  if (!reading) return undefined;
  if (word === "note") return writeNote();
  if (performance.now() - shownAt < UNSEEN_MS) return undefined;
  const body = { id: identity(), key: reading.key, reading: reading.number, verdict: word, note: note.value.trim() };
  return exchange("verdict", body, `Stored: ${SAID[word]}. U undoes it.`);
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || help.open) return;
  if (event.target === note) {
    if (event.key === "Escape") note.blur();
    return;
  }
  const latin = /^[\x21-\x7e]$/.test(event.key);
  const word = latin ? KEYS[event.key.toLowerCase()] : CODES[event.code];
  if (!word) return;
  event.preventDefault();
  act(word);
});

document.querySelector("nav").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  button.blur(); // or the space bar, which scrolls, would press it again
  act(button.dataset.word);
});

window.addEventListener("hashchange", () => location.reload());
if (given.get("token") && given.get("annotator")) exchange("next", {}, "");
else { trouble("This address lacks its token or its annotator: open the one that the server printed."); state("refused"); }
