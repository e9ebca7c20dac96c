/* Asks the requester's model how the review sounds, and keeps what it said with the answer. */
const form = document.getElementById("task-form");
const { review, model_says: said, times_asked: asked } = form.elements;
const button = document.getElementById("ask");
const answer = document.getElementById("answer");

asked.value = String(crowdeskTask.previousCalls.length);

button.addEventListener("click", async () => {
  if (!review.reportValidity()) {
    return;
  }
  button.disabled = true;
  answer.textContent = "The model is reading…";
  try {
    const { label, confidence } = await crowdeskTask.call("how_does_it_sound", { text: review.value });
    said.value = label;
    asked.value = String(Number(asked.value) + 1);
    answer.textContent = `The model says: ${label}, ${Math.round(confidence * 100)} % sure.`;
  } catch (error) {
    answer.textContent = error.message;
  }
  button.disabled = false;
});
