// Siesta starts the app's server with this, so that it takes visitors under the
// preview's own address. Nothing of the app is changed.
"use strict";
const fs = require("fs");
const http = require("http");
const net = require("net");
const path = require("path");

// Previews are <port>SUFFIX.
const suffix = "SUFFIX";

// Next answers its own scripts and its socket to pages of localhost alone, and a
// page without its socket never comes alive. A page of the very host that is
// asked counts as one. The app's own routes see what the browser sent: server
// actions compare the two themselves.
const emit = http.Server.prototype.emit;
http.Server.prototype.emit = function (event, req, ...rest) {
  if ((event === "request" || event === "upgrade") && /\/(_next|__nextjs[^/]*)(\/|$)/.test(req.url.split("?")[0])) {
    const { origin, host } = req.headers;
    if (origin && host && origin.replace(/^https?:\/\//, "") === host) req.headers.origin = "http://localhost";
  }
  return emit.call(this, event, req, ...rest);
};

// Vite before 6.1 cannot be told which hosts it may serve but by its
// configuration, or by the name that it is to listen at: so that is the
// preview's, and 0.0.0.0 is where it listens all the same.
const at = process.argv.lastIndexOf("--host");
const port = process.argv[process.argv.lastIndexOf("--port") + 1];
if (at > 0 && process.argv[at + 1] === "0.0.0.0" && lacksAllowedHosts()) {
  process.argv[at + 1] = port + suffix;
}
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...args) {
  if (typeof args[1] === "string" && args[1].endsWith(suffix)) args[1] = "0.0.0.0";
  return listen.apply(this, args);
};

function lacksAllowedHosts() {
  try {
    const from = [fs.realpathSync(process.argv[1]), path.resolve("node_modules/@angular/build/x"), path.resolve("node_modules/@angular-devkit/build-angular/x"), path.resolve("x")];
    const [major, minor] = require(require.resolve("vite/package.json", { paths: from.map(path.dirname) })).version.split(".");
    return Number(major) < 6 || (major === "6" && minor === "0");
  } catch {
    return false; // no Vite
  }
}
