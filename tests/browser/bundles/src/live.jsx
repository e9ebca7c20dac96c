/* A live front end with an introduction: its hook opens one socket for the introduction and another for the unit. */
import React from "react";
import { createRoot } from "react-dom/client";
import { useMephistoLiveTask } from "mephisto-task";

function Live() {
  const task = useMephistoLiveTask({ onLiveUpdate: () => {} });
  const { agentId, connect } = task;
  React.useEffect(() => {
    if (agentId) {
      connect(agentId);
    }
  }, [agentId]);
  if (task.blockedReason !== null) {
    return <h1 id="blocked">{task.blockedExplanation}</h1>;
  }
  if (task.isPreview || task.isLoading) {
    return <p id="loading">Loading</p>;
  }
  return (
    <main>
      <h1 id="what">{task.isOnboarding ? "introduction" : "unit"}</h1>
      <p id="connection">{task.connectionStatus}</p>
      <p id="status">{task.agentStatus}</p>
      <button id="send" onClick={() => task.handleSubmit({ word: "yes" })}>
        Send
      </button>
    </main>
  );
}

createRoot(document.getElementById("app")).render(<Live />);
