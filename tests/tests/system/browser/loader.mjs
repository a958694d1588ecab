// @affitor/tracker 2.0.0, dist/index.mjs, as published on npm under the MIT licence. Word for word.
// src/loader.ts
var SCRIPT_URLS = {
  production: "https://api.affitor.com/js/affitor-tracker.js",
  uat: "https://uat-affitor-cms.vanilla-ott.com/js/affitor-tracker-uat.js",
  local: "http://localhost:1337/js/affitor-tracker-local.js"
};
var affitorPromise = null;
function loadAffitor(programId, options = {}) {
  if (affitorPromise) return affitorPromise;
  affitorPromise = new Promise((resolve, reject) => {
    if (typeof window === "undefined") {
      resolve(null);
      return;
    }
    if (window.affitor && window.affitor.loaded) {
      resolve(window.affitor);
      return;
    }
    const existing = document.querySelector("script[data-affitor-program-id]");
    if (existing && window.affitor) {
      resolve(window.affitor);
      return;
    }
    const script = document.createElement("script");
    script.src = options.scriptUrl || SCRIPT_URLS[options.env || "production"];
    script.async = true;
    script.setAttribute("data-affitor-program-id", String(programId));
    if (options.debug) {
      script.setAttribute("data-affitor-debug", "true");
    }
    script.onload = () => {
      if (window.affitor) {
        resolve(window.affitor);
      } else {
        reject(new Error("Affitor SDK loaded but window.affitor is not available"));
      }
    };
    script.onerror = () => {
      affitorPromise = null;
      reject(new Error("Failed to load Affitor SDK script"));
    };
    document.head.appendChild(script);
  });
  return affitorPromise;
}
function _resetAffitor() {
  affitorPromise = null;
}
export {
  _resetAffitor,
  loadAffitor
};
