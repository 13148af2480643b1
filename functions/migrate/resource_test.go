package main

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"siesta/proof/postgrestest"
	"siesta/shared/postgres/migrations"
)

// cloudFormation is where a custom resource's answer goes.
type cloudFormation struct {
	*httptest.Server
	mu      sync.Mutex
	refuse  int // answers to refuse first
	answers []map[string]any
}

func newCloudFormation(t *testing.T) *cloudFormation {
	c := &cloudFormation{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.refuse > 0 {
			c.refuse--
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		var answer map[string]any
		err := json.NewDecoder(r.Body).Decode(&answer)
		if err != nil || r.Method != http.MethodPut || r.Header.Get("Content-Type") != "" { // it is not in the signature
			w.WriteHeader(http.StatusForbidden)
			return
		}
		c.answers = append(c.answers, answer)
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *cloudFormation) event(kind, physicalID string) string {
	data, _ := json.Marshal(map[string]any{
		"RequestType": kind, "RequestId": "r1", "StackId": "s1", "LogicalResourceId": "Migration", "PhysicalResourceId": physicalID,
		"ResponseURL": c.URL + "/?signature=hunter2", "ResourceType": "Custom::Migration",
		"ResourceProperties": map[string]string{"CodeVersion": "7"},
	})
	return string(data)
}

// last returns the only answer so far, checked for what must always be there.
func (c *cloudFormation) last(t *testing.T) map[string]any {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.answers) != 1 {
		t.Fatalf("%d answers", len(c.answers))
	}
	answer := c.answers[0]
	c.answers = nil
	if answer["RequestId"] != "r1" || answer["StackId"] != "s1" || answer["LogicalResourceId"] != "Migration" || answer["PhysicalResourceId"] == "" {
		t.Errorf("answer = %v", answer)
	}
	return answer
}

func TestACustomResourceLivesAndDies(t *testing.T) {
	address, pool := empty(t)
	c := newCloudFormation(t)
	h := newHandler(t, address, migrations.FS)
	id := ""
	for _, kind := range []string{"Create", "Update", "Delete"} {
		mustCall(t, h, c.event(kind, id))
		answer := c.last(t)
		if answer["Status"] != "SUCCESS" || id != "" && answer["PhysicalResourceId"] != id {
			t.Errorf("%s: %v, id was %q", kind, answer, id)
		}
		id, _ = answer["PhysicalResourceId"].(string)
	}
	if n := scan[int](t, pool, "SELECT count(*) FROM jobs"); n != 0 { // the table is still there
		t.Errorf("%d rows", n)
	}
	mustCall(t, newHandler(t, "postgres://u@127.0.0.1:1/db", migrations.FS), c.event("Delete", id))
	if answer := c.last(t); answer["Status"] != "SUCCESS" {
		t.Errorf("delete without a database: %v", answer)
	}
}

func TestAFailureReachesCloudFormation(t *testing.T) {
	address, pool := postgrestest.New(t)
	c := newCloudFormation(t)
	exec(t, pool, "UPDATE schema_migrations SET dirty = true")
	mustCall(t, newHandler(t, address, migrations.FS), c.event("Update", "x"))
	answer := c.last(t)
	if reason, _ := answer["Reason"].(string); answer["Status"] != "FAILED" || answer["PhysicalResourceId"] != "x" || !strings.Contains(reason, `"force"`) {
		t.Errorf("dirty: %v", answer)
	}
	big := strings.Repeat("x", 5000)
	exec(t, pool, "UPDATE schema_migrations SET dirty = false, version = 3")
	mustCall(t, newHandler(t, address, with(upTo(t, "000003"), "000004", `DO $$ BEGIN RAISE '`+big+`'; END $$`)), c.event("Update", "x"))
	if reason, _ := c.last(t)["Reason"].(string); len(reason) > 2000 || !strings.Contains(reason, "xxx") {
		t.Errorf("reason has %d bytes", len(reason))
	}
}

func TestASilentDatabaseIsReportedInTime(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, never answers
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := newCloudFormation(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // a tenth is kept for the answer
	defer cancel()
	h := newHandler(t, "postgres://u@"+l.Addr().String()+"/db?sslmode=disable", migrations.FS)
	if _, err := h.Handle(ctx, json.RawMessage(c.event("Create", ""))); err != nil || ctx.Err() != nil {
		t.Errorf("error %v, context %v", err, ctx.Err())
	}
	if answer := c.last(t); answer["Status"] != "FAILED" {
		t.Errorf("%v", answer)
	}
}

func TestAnAnswerIsSentAgain(t *testing.T) {
	address, _ := postgrestest.New(t)
	c := newCloudFormation(t)
	h := newHandler(t, address, migrations.FS)
	c.refuse = 2
	mustCall(t, h, c.event("Create", ""))
	c.last(t)

	c.refuse = 1000
	_, err := call(t, h, c.event("Create", "")) // Lambda invokes it again
	wantError(t, err, "503")
	c.Close()
	_, err = call(t, h, c.event("Create", ""))
	wantError(t, err, "answer CloudFormation")
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("signed address in: %v", err)
	}
}
