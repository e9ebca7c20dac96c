/* What an answer must be, and which parts are shown: the same rules in the same order as the program's (checks.py). */

const MAX_ANSWER = 100000;
const MAX_MATCHED = 5000;
const EMAIL = /^[^\s@]{1,200}@[^\s@]{1,200}$/u;

/** The options that are chosen: of a list, or of the object that checkboxes make. */
export function chosen(answer) {
  if (Array.isArray(answer)) {
    return answer;
  }
  if (answer !== null && typeof answer === "object") {
    return Object.keys(answer).filter((name) => answer[name] === true);
  }
  return [answer];
}

export function isBlank(answer) {
  if (answer === null || answer === undefined) {
    return true;
  }
  if (typeof answer === "string") {
    return !answer.trim();
  }
  return typeof answer === "object" && !chosen(answer).length;
}

/** Whether a `show_if` is true of what was answered before; `seen` is a Map. */
export function holds(condition, seen) {
  if (!condition) {
    return true;
  }
  if (condition.all) {
    return condition.all.every((part) => holds(part, seen));
  }
  if (condition.any) {
    return condition.any.some((part) => holds(part, seen));
  }
  if (condition.not) {
    return !holds(condition.not, seen);
  }
  const answer = seen.get(condition.field);
  if ("filled" in condition) {
    return !isBlank(answer) === condition.filled;
  }
  if (isBlank(answer)) {
    return "is_not" in condition;
  }
  if ("is" in condition || "is_not" in condition) {
    return "is" in condition ? answer === condition.is : answer !== condition.is_not;
  }
  if (condition.in) {
    return condition.in.includes(answer);
  }
  if ("has" in condition) {
    return chosen(answer).includes(condition.has);
  }
  const wanted = condition.at_least ?? condition.at_most;
  if (typeof answer !== typeof wanted) {
    return false;
  }
  return "at_least" in condition ? answer >= wanted : answer <= wanted;
}

/** What is wrong with an answer, or "". */
export function fieldFault(field, answer) {
  const rules = field.validators || {};
  if (typeof answer === "number" && !(Math.abs(answer) < 1e15)) {
    return "Please give a smaller number.";
  }
  if (typeof answer === "string" && size(answer) > MAX_ANSWER) {
    return `Please use at most ${MAX_ANSWER} characters.`;
  }
  if (isBlank(answer)) {
    return rules.required ? "Please answer this." : "";
  }
  if (["number", "slider", "date"].includes(field.type)) {
    return boundsFault(field, rules, answer);
  }
  if (field.type === "checkbox" || (field.type === "select" && field.multiple)) {
    return lengthFault(rules, chosen(answer).length, "option");
  }
  return ["input", "textarea", "email", "password"].includes(field.type) ? textFault(field, rules, answer) : "";
}

/** What is wrong with the chosen files, or "". */
export function fileFault(field, files) {
  const rules = field.validators || {};
  if (!files.length) {
    return rules.required ? "Please choose a file." : "";
  }
  const endings = rules.fileExtension || [];
  const fits = (file) => !endings.length || endings.some((end) => file.name.toLowerCase().endsWith(`.${end}`));
  if (!files.every(fits)) {
    return `Please choose a file that ends in ${either(endings)}.`;
  }
  return lengthFault(rules, files.length, "file");
}

function boundsFault(field, rules, answer) {
  const isDate = field.type === "date";
  const noun = isDate ? "date" : "number";
  if (rules.min !== undefined && answer < rules.min) {
    return `Please give a ${noun} that is ${isDate ? "not before" : "at least"} ${rules.min}.`;
  }
  if (rules.max !== undefined && answer > rules.max) {
    return `Please give a ${noun} that is ${isDate ? "not after" : "at most"} ${rules.max}.`;
  }
  return "";
}

function textFault(field, rules, answer) {
  const fault = lengthFault(rules, size(answer), "character");
  if (fault) {
    return fault;
  }
  const text = answer.trim();
  if (field.type === "email" && !EMAIL.test(text)) {
    return "Please give an email address, like name@example.org.";
  }
  if (!rules.regexp) {
    return "";
  }
  if (size(text) > MAX_MATCHED) {
    return `Please use at most ${MAX_MATCHED} characters.`;
  }
  return matches(rules.regexp, text) ? "" : "This does not have the form that is asked for.";
}

function matches([source, flags], text) {
  try {
    return new RegExp(source, flags).test(text);
  } catch {
    // a browser that does not know this kind of pattern: the program still looks
    return true;
  }
}

function lengthFault(rules, length, noun) {
  const verb = noun === "character" ? "use" : "choose";
  const there = length === 1 ? "there is 1" : `there are ${length}`;
  if (rules.minLength !== undefined && length < rules.minLength) {
    return `Please ${verb} at least ${rules.minLength} ${noun}${rules.minLength === 1 ? "" : "s"}; ${there}.`;
  }
  if (rules.maxLength !== undefined && length > rules.maxLength) {
    return `Please ${verb} at most ${rules.maxLength} ${noun}${rules.maxLength === 1 ? "" : "s"}; ${there}.`;
  }
  return "";
}

/** Characters as people count them: one that takes two places in the browser is one. */
function size(text) {
  return [...text].length;
}

function either(words) {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
