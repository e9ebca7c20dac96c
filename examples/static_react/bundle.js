/* A bundle without a build: the requests that front ends made for Mephisto make, written out in plain JavaScript.
 *
 * With React the same is `const { initialTaskData, isOnboarding, handleSubmit } = useMephistoTask()` of the npm package
 * mephisto-task; such bundles run unchanged. */
"use strict";

(function () {
  const app = document.getElementById("app");
  const now = () => Date.now() / 1000;

  async function post(path, body) {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ...body, client_timestamp: now() }),
    });
    if (!answer.ok) {
      throw new Error(`${path} was answered with ${answer.status}`);
    }
    return answer.json();
  }

  function make(tag, properties, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  function heading(title, text) {
    app.replaceChildren(make("main", {}, make("h1", {}, title), make("p", {}, text)));
  }

  async function begin() {
    const config = await (await fetch("/task_config.json?mephisto_task_version=2.0.4")).json();
    document.title = config.task_title;
    if (getWorkerName() === null || getAssignmentId() === null) {
      heading("Which headline says what the notice says?", "You read a notice of one sentence and choose between two headlines.");
      return;
    }
    arrived(await post("/request_agent", { provider_data: getAgentRegistration() }));
  }

  function arrived(packet) {
    const { agent_id: agent, init_task_data: data, failure_reason: reason } = packet.data;
    if (agent === null) {
      heading("There is nothing to do for you now", reason);
      return;
    }
    const isOnboarding = agent.startsWith("onboarding");
    ask(data, isOnboarding ? "Try one first" : "Which headline says what the notice says?", async (choice) => {
      const answer = { choice, seconds: Math.round((Date.now() - began) / 1000) };
      if (isOnboarding) {
        const provider_data = { USED_AGENT_ID: agent, onboarding_data: answer };
        arrived(await post("/submit_onboarding", { provider_data }));
      } else {
        await post("/submit_task", { USED_AGENT_ID: agent, final_data: answer });
        heading("Sent and saved", "Thank you!");
        handleSubmitToProvider(answer);
      }
    });
    const began = Date.now();
  }

  function ask(data, title, submit) {
    const fault = make("p", { className: "fault" });
    fault.setAttribute("role", "alert");
    const button = make("button", { type: "submit" }, "Submit");
    const choices = ["first", "second"].map((name, place) => {
      const input = make("input", { type: "radio", name: "choice", value: name });
      return make("label", { className: "choice" }, input, make("span", {}, data[name]), make("kbd", { ariaHidden: "true" }, String(place + 1)));
    });
    const form = make(
      "form",
      { noValidate: true },
      make("fieldset", {}, make("legend", {}, "Choose the headline that fits"), ...choices),
      fault,
      button,
      make("p", { className: "hint" }, "The keys 1 and 2 choose, Enter submits."),
    );
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const chosen = new FormData(form).get("choice");
      if (!chosen) {
        fault.textContent = "Please choose one of the two headlines.";
        return;
      }
      button.disabled = true;
      try {
        await submit(chosen);
      } catch (error) {
        button.disabled = false;
        throw error;
      }
    });
    const picture = make("img", { src: "notice.svg", alt: "" });
    app.replaceChildren(make("main", {}, make("h1", {}, title), make("div", { className: "notice" }, picture, make("span", {}, data.notice)), form));
    form.querySelector("input").focus();
  }

  document.addEventListener("keydown", (event) => {
    const input = app.querySelectorAll('input[name="choice"]')[Number(event.key) - 1];
    if (input && !event.ctrlKey && !event.altKey && !event.metaKey) {
      input.checked = true;
      input.focus();
    }
  });

  begin();
})();
