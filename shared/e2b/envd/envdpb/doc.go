// Package envdpb owns the messages and RPC services of envd, E2B's in-sandbox
// daemon, as generated from the .proto files beside it. Only their JSON form
// is spoken (connect.WithProtoJSON). It knows no behaviour.
package envdpb

//go:generate go run github.com/bufbuild/buf/cmd/buf@v1.75.0 generate
