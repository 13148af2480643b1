// Package envd speaks the protocol of E2B's in-sandbox daemon: files over HTTP,
// processes and the file system over Connect RPC. It runs commands as the user
// that it runs as itself. It knows no namespaces and no control plane.
package envd

// Version is what the simulator reports as its envd's version. The official
// SDKs use every newer feature from 0.6.4 on.
const Version = "0.6.4"
