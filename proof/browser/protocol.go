package browser

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
)

// message is one of the DevTools protocol: a call, an answer, or an event, which
// has no id. A zero byte follows each.
type message struct {
	ID      int64           `json:"id,omitempty"`
	Session string          `json:"sessionId,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *refusal        `json:"error,omitempty"`
}

// refusal is the protocol's own error, such as that of a page that went away.
type refusal struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (r *refusal) Error() string { return fmt.Sprintf("browser: %s (%d)", r.Message, r.Code) }

// call makes a call and waits for its answer.
func (b *Browser) call(ctx context.Context, session, method string, params, result any) error {
	text, err := json.Marshal(params)
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	if params == nil {
		text = nil
	}
	answers := make(chan message, 1)
	b.mu.Lock()
	b.last++
	id := b.last
	b.waiting[id] = answers
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		delete(b.waiting, id)
		b.mu.Unlock()
	}()
	if err := b.write(message{ID: id, Session: session, Method: method, Params: text}); err != nil {
		return fmt.Errorf("%s: %w: %s", method, err, &b.errors)
	}
	select {
	case answer := <-answers:
		if answer.Error != nil {
			return fmt.Errorf("%s: %w", method, answer.Error)
		}
		if result == nil {
			return nil
		}
		return json.Unmarshal(answer.Result, result)
	case <-b.ended:
		return fmt.Errorf("%s: the browser ended: %s", method, &b.errors)
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", method, ctx.Err())
	}
}

func (b *Browser) write(m message) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	b.writing.Lock()
	defer b.writing.Unlock()
	_, err = b.in.Write(append(text, 0))
	return err
}

// read gives answers to their callers and events to their pages, to the end.
func (b *Browser) read(out *os.File) {
	defer close(b.ended)
	defer out.Close()
	for r := bufio.NewReader(out); ; {
		text, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(text[:len(text)-1], &m) != nil {
			continue
		}
		b.mu.Lock()
		answers, page := b.waiting[m.ID], b.pages[m.Session]
		b.mu.Unlock()
		switch {
		case answers != nil:
			answers <- m
		case m.Method != "" && page != nil:
			page.event(m)
		}
	}
}
