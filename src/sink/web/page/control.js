// The host's controls: there for who sits at the host itself.

import {tell} from "/host.js";

const element = (id) => document.getElementById(id);

async function ask(request, done) {
  try {
    const response = await fetch("/control", {
      method: "POST",
      headers: {"Content-Type": "application/json"},
      body: JSON.stringify(request),
      signal: AbortSignal.timeout(5000),
    });
    if (response.ok) return tell(done);
    const {detail} = await response.json();
    tell(`The host says no: ${detail}`);
  } catch {
    tell("The host does not answer");
  }
}

const held = (status) => status?.state === "paused";

let last = null;

export function showControls(status) {
  const mine = status?.control === true;
  element("show-host").hidden = !mine;
  if (!mine) showPanel(false);
  last = status;
  element("hold").textContent = held(status) ? "Take up the session again" : "Let go of the session";
  const rate = status?.bitrate_bps?.target;
  const input = element("bitrate");
  if (Number.isFinite(rate) && document.activeElement !== input && !input.dataset.touched) {
    input.value = (rate / 1e6).toFixed(1);
  }
  const facts = [
    ["State", status?.state], ["Route", status?.route], ["Encoder", status?.encoder],
  ].filter(([, value]) => typeof value === "string");
  element("host-facts").replaceChildren(...facts.flatMap(([name, value]) => {
    const term = document.createElement("dt");
    term.textContent = name;
    const description = document.createElement("dd");
    description.textContent = value;
    return [term, description];
  }));
}

function showPanel(shown) {
  element("host").hidden = !shown;
  element("show-host").setAttribute("aria-expanded", String(shown));
}

export function toggleControls() {
  if (!element("show-host").hidden) showPanel(element("host").hidden);
}

element("show-host").addEventListener("click", toggleControls);
element("bitrate").addEventListener("input", () => { element("bitrate").dataset.touched = "yes"; });
element("host-rate").addEventListener("submit", (event) => {
  event.preventDefault();
  const megabits = element("bitrate").valueAsNumber;
  delete element("bitrate").dataset.touched;
  ask({method: "set", bitrate: `${Math.round(megabits * 1000)}k`}, `Asked the host for ${megabits} Mb/s`);
});
element("hold").addEventListener("click", () => {
  if (held(last)) ask({method: "start"}, "The host takes up the session again");
  else ask({method: "stop"}, "The host lets go of the session");
});
element("key-frame").addEventListener("click", () => ask({method: "key-frame"}, "A key frame comes"));
