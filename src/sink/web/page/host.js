// What the host says about itself: the qualities that it offers, what has happened to the stream.

const kShown = 8000;  // ms that a notice stays

const element = (id) => document.getElementById(id);

export async function hostStatus() {
  try {
    const response = await fetch("/status", {signal: AbortSignal.timeout(3000)});
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

let timer = 0;
function tell(text) {
  element("event").textContent = text;
  clearTimeout(timer);
  timer = setTimeout(() => { element("event").textContent = ""; }, kShown);
}

// The menu: there only if there is a choice.
let offered = "";
let choosing = false;

export function showQualities(status) {
  const list = Array.isArray(status?.qualities) ? status.qualities.filter((one) => one?.id) : [];
  element("quality-menu").hidden = list.length < 2;
  const now = JSON.stringify(list);
  if (now !== offered) {
    offered = now;
    element("qualities").replaceChildren(
      ...list.map(({id, label}) => new Option(label ?? id, id)));
  }
  if (!choosing && list.some(({id}) => id === status.quality)) {
    element("quality").value = status.quality;
    element("quality").dataset.chosen = status.quality;
  }
}

async function choose() {
  const menu = element("quality");
  const label = menu.selectedOptions[0].text;
  choosing = true;
  try {
    const response = await fetch("/quality", {
      method: "POST",
      headers: {"Content-Type": "application/json"},
      body: JSON.stringify({quality: menu.value}),
      signal: AbortSignal.timeout(5000),
    });
    if (!response.ok) throw response;
    menu.dataset.chosen = menu.value;
    tell(`All viewers now get: ${label}`);
  } catch {
    menu.value = menu.dataset.chosen;
    tell(`The host did not take the quality ${label}`);
  }
  choosing = false;
}
element("quality").addEventListener("change", choose);

// What has happened, newest last: told when it is new, and listed.
const kTold = new Set(["encode_error", "transport_error", "fallback_triggered", "fallback_completed"]);
let newest = null;

export function showEvents(status) {
  const events = Array.isArray(status?.events) ? status.events.filter((one) => one?.text) : [];
  element("events").replaceChildren(...events.toReversed().map((event) => {
    const row = document.createElement("li");
    row.textContent = `${clock(event.time_s)} ${event.text}`;
    return row;
  }));
  if (status === null) return;
  const last = events.findLast((event) => kTold.has(event.kind));
  // What was there before this page is no news. A host that was started anew counts from 0.
  if (newest !== null && last && last.time_s !== newest) tell(last.text);
  newest = last?.time_s ?? 0;
}

function clock(seconds) {
  if (!Number.isFinite(seconds)) return "";
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
