/* A front end as requesters write them for Mephisto, on mephisto-task from the registry: a review is rated. */
import React from "react";
import { createRoot } from "react-dom/client";
import { ErrorBoundary, axiosInstance, pythonTime, useMephistoTask } from "mephisto-task";

function App() {
  const task = useMephistoTask();
  if (task.blockedReason !== null) {
    return <h1 id="blocked">{task.blockedExplanation}</h1>;
  }
  if (task.isPreview) {
    return (
      <main>
        <h1>Rate a review</h1>
        <p id="preview">You read a short review and say how it sounds.</p>
      </main>
    );
  }
  if (task.isLoading || task.isOnboarding === null) {
    return <p id="loading">Loading</p>;
  }
  if (task.isOnboarding) {
    return <Onboarding question={task.initialTaskData.question} onSubmit={task.handleSubmit} />;
  }
  return (
    <ErrorBoundary handleError={task.handleFatalError}>
      <Review task={task} />
    </ErrorBoundary>
  );
}

function Onboarding({ question, onSubmit }) {
  return (
    <main>
      <h1 id="onboarding">{question}</h1>
      {["positive", "negative"].map((word) => (
        <button key={word} id={`onboarding-${word}`} onClick={() => onSubmit({ sounds: word })}>
          {word}
        </button>
      ))}
    </main>
  );
}

function Review({ task }) {
  const [isBroken, setBroken] = React.useState(false);
  const [told, setTold] = React.useState("");
  const file = React.useRef();
  if (isBroken) {
    throw new Error("The review broke");
  }
  const answer = (rating) => ({ rating, asked: task.initialTaskData.text, nested: { sure: true } });
  return (
    <main>
      <h1>How does it sound?</h1>
      <p id="text">{task.initialTaskData.text}</p>
      <p id="agent">{task.agentId}</p>
      <p id="worker">{task.providerWorkerId}</p>
      <p id="config">{task.taskConfig.scale}</p>
      {["good", "bad"].map((rating) => (
        <button key={rating} id={rating} onClick={() => task.handleSubmit(answer(rating))}>
          {rating}
        </button>
      ))}
      <button
        id="tip"
        onClick={() =>
          task
            .handleMetadataSubmit({ type: "tips", text: "Say more about stars", header: "Stars" }, { type: "feedback", text: "Clear" })
            .then((said) => setTold(said.status))
        }
      >
        Send a tip
      </button>
      <p id="told">{told}</p>
      <label>
        A picture <input id="file" type="file" ref={file} />
      </label>
      <button id="upload" onClick={() => upload(task, answer("good"), file.current.files[0])}>
        Send with the picture
      </button>
      <button id="break" onClick={() => setBroken(true)}>
        Break
      </button>
    </main>
  );
}

/* Answers with files go as a form: the answer as an object (which a form turns into "[object Object]") and as text. */
function upload(task, finalData, picture) {
  const form = new FormData();
  form.append("USED_AGENT_ID", task.agentId);
  form.append("final_data", finalData);
  form.append("final_string_data", JSON.stringify(finalData));
  form.append("client_timestamp", pythonTime());
  form.append("picture", picture, picture.name);
  return axiosInstance.post("/submit_task", form).then(() => handleSubmitToProvider(finalData));
}

createRoot(document.getElementById("app")).render(<App />);
