package job

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// LogLine is one line of a build's log.
type LogLine struct {
	ID     string    `json:"id"` // "<milliseconds>-<number>", given by the cache; they go up within a log
	Time   time.Time `json:"ts"`
	Source string    `json:"source"` // stdout, where a step's stderr goes too, or system
	Text   string    `json:"text"`
	Phase  string    `json:"phase"` // what the job was at: its status, but install for deps
}

// LogRange asks for lines of a log.
type LogRange struct {
	From, To string // ids, both included
	Limit    int    // at most
	Newest   bool   // the last Limit of them, else the first
}

// LogPage is a part of a log, the oldest line first.
type LogPage struct {
	Lines    []LogLine
	More     bool   // there are more in the direction that was asked for
	Next     string // after this come the lines that follow; "": from the beginning
	Previous string // before this come the lines that precede; "": there is nothing
}

// LogKey is where the log of a finished job is kept. All of a user's are below one
// folder.
func LogKey(userID, jobID string) string {
	user := sha256.Sum256([]byte(userID))
	return hex.EncodeToString(user[:]) + "/" + jobID + "/log.ndjson.gz"
}
