// The host: a WebSocket, a timer and a form around the engine in `browser.wasm`.

import { play } from "./scene.js";

const { instance } = await WebAssembly.instantiate(await (await fetch("browser.wasm")).arrayBuffer(), {});
const engine = instance.exports;
const parameters = new URLSearchParams(location.search);
const element = (id) => document.getElementById(id);
const now = () => performance.now();
/** More than so much in the socket's own buffer, and the engine keeps the rest. */
const FULL = 64 * 1024;

let socket = null;
let timer = 0;

/** Puts bytes where the engine reads them. Its memory may grow for them, so the place is asked for first. */
function say(bytes) {
  const place = engine.mqtt_room(bytes.length);
  new Uint8Array(engine.memory.buffer, place, bytes.length).set(bytes);
  return bytes.length;
}
const sayText = (text) => say(new TextEncoder().encode(text));

/** A copy of the engine's answer. */
const answer = (length) => new Uint8Array(engine.memory.buffer, engine.mqtt_answer(), length).slice();

/** After every call: send what waits, close if need be, set the timer, show everything. */
function settle() {
  let sent = 0;
  while (socket?.readyState === WebSocket.OPEN && socket.bufferedAmount < FULL) {
    const bytes = answer(engine.mqtt_output(now()));
    if (bytes.length === 0) break;
    socket.send(bytes);
    sent += bytes.length;
  }
  if (sent > 0) engine.mqtt_timeout(now()); // what was blocked has room now
  if (socket && engine.mqtt_should_close()) hangUp();
  clearTimeout(timer);
  const due = engine.mqtt_deadline();
  if (due >= 0) timer = setTimeout(() => (engine.mqtt_timeout(now()), settle()), Math.max(due - now(), 0) + 1);
  show(JSON.parse(new TextDecoder().decode(answer(engine.mqtt_report()))));
}

function connect() {
  if (socket) return;
  const opened = new WebSocket(element("broker").value, "mqtt");
  opened.binaryType = "arraybuffer";
  opened.onopen = () => (engine.mqtt_open(now(), sayText(clientId())), settle());
  opened.onmessage = ({ data }) => (engine.mqtt_input(now(), say(new Uint8Array(data))), settle());
  opened.onclose = () => opened === socket && hangUp();
  socket = opened;
}

/** Whatever the old socket still says is for nobody. */
function hangUp() {
  const old = socket;
  socket = null;
  if (old) Object.assign(old, { onopen: null, onmessage: null, onclose: null }).close();
  engine.mqtt_closed(now());
  settle();
}

function publish(topic, payload, qos) {
  const [name, all] = [topic, topic + payload].map((text) => new TextEncoder().encode(text));
  const isAccepted = engine.mqtt_publish(now(), name.length, say(all), qos);
  settle();
  return isAccepted;
}

function subscribe(filter) {
  engine.mqtt_subscribe(now(), sayText(filter));
  settle();
}

/** One for each page, so that two of them don't throw each other out. */
function clientId() {
  sessionStorage.client ??= `page-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;
  return sessionStorage.client;
}

function show(report) {
  const { state, session, links, pending, quota, bytesSent, bytesReceived } = report;
  element("status").textContent =
    `${state} · session ${session} · link ${links} · ${pending} unfinished · quota ${quota} · ${bytesSent} bytes sent, ${bytesReceived} received`;
  rows("messages", report.messages, ({ id, topic, qos, stage }) => [id || "", topic, qos, stage]);
  rows("received", report.received, ({ topic, qos, payload }) => [topic, qos, payload]);
  element("conversation").replaceChildren(
    ...report.conversation.map(({ way, text }) =>
      Object.assign(document.createElement("li"), { className: way || "note", textContent: text })),
  );
  window.report = report;
  window.dispatchEvent(new CustomEvent("report", { detail: report }));
}

function rows(id, list, cells) {
  element(id).replaceChildren(...list.map((item) => {
    const row = document.createElement("tr");
    cells(item).forEach((text) => (row.insertCell().textContent = text));
    return row;
  }));
}

element("broker").value = parameters.get("broker") ?? "ws://localhost:8080";
element("link").onsubmit = (event) => (event.preventDefault(), connect());
element("cut").onclick = hangUp;
element("publish").onsubmit = (event) => {
  event.preventDefault();
  publish(element("topic").value, element("payload").value, Number(element("qos").value));
};
subscribe("demo/#"); // it waits for the first link
if (parameters.has("scene")) await play({ connect, cut: hangUp, publish });
