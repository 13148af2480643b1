// Package migrations holds the schema's history as SQL files. A Lambda has no
// folder to read, so they are embedded. It knows neither who applies them nor
// when.
package migrations

import "embed"

// FS holds the files NNNNNN_name.up.sql and NNNNNN_name.down.sql.
//
//go:embed *.sql
var FS embed.FS
