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

// For fetch() that found no host.
export function gone() {
  throw {state: "gone", advice: ""};
}

let timer = 0;
export function tell(text) {
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

// What has happened, in words. Outputs come without their names and errors without their texts.
const kReasons = {
  io: "it can't be written to",
  not_found: "it isn't there any more",
  unsupported: "this machine can't do it",
  format_rejected: "it doesn't take the picture",
  retry: "it doesn't answer",
  device_lost: "its device is gone",
};

const because = (reason) => kReasons[reason] ? `: ${kReasons[reason]}` : "";
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function inWords({kind, subject, reason, text}) {
  const who = typeof subject === "string" ? subject : "something";
  const more = typeof text === "string" ? text : "";
  switch (kind) {
    case "sender_started": return `${who} has started`;
    case "sender_stopped": return `${who} has ended`;
    case "encode_error": return `The encoder ${who} failed`;
    case "transport_error": return `${who} failed${because(reason)}; the others go on`;
    case "fallback_triggered": return `${who} is given up`;
    case "fallback_completed":
      return reason === "opened_again" ? `${who} was opened again` : `${who} goes on ${more}`;
    default: return more;
  }
}

// Told when it is new, besides being listed. What an output's failure says, its end need not repeat.
const kTold = new Set(["encode_error", "transport_error", "fallback_triggered", "fallback_completed"]);
const isTold = ({kind, reason}) =>
  kTold.has(kind) || (kind === "sender_stopped" && reason !== "failed");
let newest = null;

export function showEvents(status) {
  const events = (Array.isArray(status?.events) ? status.events : []).filter(Boolean)
    .map((event) => ({...event, words: capital(inWords(event).trim())}))
    .filter(({words}) => words !== "");
  element("events").replaceChildren(...events.toReversed().map(({time_s, words}) => {
    const row = document.createElement("li");
    row.textContent = `${clock(time_s)} ${words}`;
    return row;
  }));
  if (status === null) return;
  const last = events.findLast(isTold);
  // What was there before this page is no news. A host that was started anew counts from 0.
  if (newest !== null && last && last.time_s !== newest) tell(last.words);
  newest = last?.time_s ?? 0;
}

function clock(seconds) {
  if (!Number.isFinite(seconds)) return "";
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
