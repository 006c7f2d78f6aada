// Shows the document, after asking for a key if the service needs one. The key is not stored.
"use strict";

const form = document.getElementById("ask");
const said = document.getElementById("said");

async function show(key) {
  const headers = key ? { Authorization: `Bearer ${key}` } : {};
  const response = await fetch("openapi.json", { headers, credentials: "omit" });
  const found = await response.json();
  form.hidden = response.status !== 401;
  said.textContent = response.ok || (response.status === 401 && !key) ? "" : found.error;
  if (!response.ok) return;
  const page = SwaggerUIBundle({
    spec: found,
    dom_id: "#page",
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    validatorUrl: null,
    onComplete: () => key && page.preauthorizeApiKey("key", key),
  });
}

function attempt(key) {
  show(key).catch((error) => { said.textContent = `The document cannot be shown: ${error.message}`; });
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(document.getElementById("key").value.trim());
});
attempt("");
