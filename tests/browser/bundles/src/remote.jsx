/* A front end on mephisto-task from the registry that asks functions of the requester: a sum is guessed, then checked. */
import React from "react";
import { createRoot } from "react-dom/client";
import { useMephistoRemoteProcedureTask } from "mephisto-task";

function App() {
  const { initialTaskData, remoteProcedure, handleSubmit, isPreview, isLoading } = useMephistoRemoteProcedureTask({});
  const [answer, setAnswer] = React.useState("");
  const ask = (name) => remoteProcedure(name)(initialTaskData.task_data).then((said) => setAnswer(JSON.stringify(said)));
  if (isPreview) {
    return <p id="preview">You add two numbers.</p>;
  }
  if (isLoading || !initialTaskData) {
    return <p id="loading">Loading</p>;
  }
  const { first, second } = initialTaskData.task_data;
  return (
    <main>
      <h1 id="sum">{`${first} + ${second}`}</h1>
      <p id="before">{initialTaskData.previous_requests.map((each) => each.response_json).join(" ")}</p>
      <button id="ask" onClick={() => ask("add")}>
        Ask
      </button>
      <button id="fail" onClick={() => ask("fail")}>
        Fail
      </button>
      <p id="answer">{answer}</p>
      <button id="submit" onClick={() => handleSubmit({ answer })}>
        Hand in
      </button>
    </main>
  );
}

createRoot(document.getElementById("app")).render(<App />);
