// A scene that needs nobody at the keyboard (`?scene`): three messages, and a cut in the middle of the third.

/** Resolves with the first report that has what is looked for. */
function until(isSo) {
  return new Promise((resolve) => {
    const look = ({ detail }) => {
      if (!isSo(detail)) return;
      window.removeEventListener("report", look);
      resolve(detail);
    };
    window.addEventListener("report", look);
    if (window.report) look({ detail: window.report });
  });
}

const isOnLink = (link) => ({ links, state }) => links === link && state === "Connected";
const isIdle = ({ pending }) => pending === 0;
const stageOf = (report, topic) => report.messages.find((message) => message.topic === topic)?.stage;

export async function play({ connect, cut, publish }) {
  publish("demo/0", "waits for the link", 0);
  publish("demo/1", "acknowledged once", 1);
  connect();
  await until((report) => isOnLink(1)(report) && isIdle(report) && report.received.length === 2);

  publish("demo/2", "exactly once", 2);
  await until((report) => stageOf(report, "demo/2") === "PUBLISH sent");
  cut(); // before the server has answered
  await until((report) => report.state === "Closed");
  publish("demo/3", "written without a link", 2);
  connect();
  await until((report) => isOnLink(2)(report) && isIdle(report) && report.received.length === 4);
  document.title = "the scene is over";
}
