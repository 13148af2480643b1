package browser

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Said are the lines of the page's console, and what failed to load, since it was opened.
func (p *Page) Said() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.said)
}

// Sockets is how many web sockets the page has opened so far: a development
// server tells a page of edits by one, and forgets those that came before.
func (p *Page) Sockets() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sockets
}

// event keeps what a developer would see in the console.
func (p *Page) event(m message) {
	var e struct {
		Type string
		Args []struct {
			Value       any
			Description string
		}
		Entry            struct{ Level, Text, URL string }
		ExceptionDetails struct{ Exception struct{ Description string } }
		ErrorMessage     string
	}
	if json.Unmarshal(m.Params, &e) != nil {
		return
	}
	line := ""
	switch m.Method {
	case "Runtime.consoleAPICalled":
		line = e.Type + ":"
		for _, a := range e.Args {
			if a.Value != nil {
				line += fmt.Sprint(" ", a.Value)
			} else {
				line += " " + a.Description
			}
		}
	case "Runtime.exceptionThrown":
		line = "exception: " + e.ExceptionDetails.Exception.Description
	case "Log.entryAdded":
		line = e.Entry.Level + ": " + e.Entry.Text + " " + e.Entry.URL
	case "Network.webSocketHandshakeResponseReceived":
		p.mu.Lock()
		p.sockets++
		p.mu.Unlock()
		return
	case "Network.webSocketFrameError":
		line = "websocket: " + e.ErrorMessage
	default:
		return
	}
	p.mu.Lock()
	p.said = append(p.said, line)
	p.mu.Unlock()
}
