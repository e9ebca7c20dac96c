/* A conversation as requesters write them for Mephisto, on bootstrap-chat from the registry. */
import React from "react";
import { createRoot } from "react-dom/client";
import { ChatApp, ChatMessage, DefaultTaskDescription } from "bootstrap-chat";
import "bootstrap-chat/styles.css";

function Line({ message, mephistoContext, appContext }) {
  const { agentId } = mephistoContext;
  const names = appContext.taskContext.currentAgentNames || {};
  const isSelf = message.id === agentId || message.id in names;
  return (
    <div className="line" data-self={isSelf}>
      <ChatMessage isSelf={isSelf} agentName={names[message.id] || message.id} message={message.text} />
    </div>
  );
}

function Talk() {
  return (
    <ChatApp
      renderMessage={({ message, idx, mephistoContext, appContext }) => (
        <Line key={`${message.update_id}-${idx}`} {...{ message, mephistoContext, appContext }} />
      )}
      renderSidePane={({ mephistoContext }) => (
        <DefaultTaskDescription chatTitle="Talk about a picture" taskDescriptionHtml={mephistoContext.taskConfig.task_description}>
          <p id="topic">{mephistoContext.initialTaskData?.task_data?.topic}</p>
          <p id="state">{mephistoContext.agentStatus}</p>
        </DefaultTaskDescription>
      )}
    />
  );
}

createRoot(document.getElementById("app")).render(<Talk />);
