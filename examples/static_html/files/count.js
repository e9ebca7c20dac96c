// An extra file of the task: counts the words while the worker types.
const words = document.getElementById("words");
const count = document.getElementById("count");

function show() {
  const number = words.value.split(/\s+/).filter(Boolean).length;
  count.textContent = number === 1 ? "1 word" : `${number} words`;
}

words.addEventListener("input", show);
show();
