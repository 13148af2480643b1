package secrets

import (
	"context"
	"sync"
	"time"
)

// Held is what is made of a secret, such as a pool of connections, and made anew
// when the secret has changed. It is safe for concurrent use.
type Held[T any] struct {
	source *Source
	build  func(Text) (T, error)
	close  func(T)
	rest   time.Duration

	mu    sync.Mutex
	made  bool
	text  Text
	value T
}

// Hold makes a Held of source by build, at the first Get. What a newer one has
// replaced is closed after rest, when nobody uses it any more.
func Hold[T any](source *Source, build func(Text) (T, error), close func(T), rest time.Duration) *Held[T] {
	return &Held[T]{source: source, build: build, close: close, rest: rest}
}

// Get returns what is made of the secret; with refresh, of the secret as it is now.
func (h *Held[T]) Get(ctx context.Context, refresh bool) (T, error) {
	var none T
	text, err := h.source.Get(ctx, refresh)
	if err != nil {
		return none, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.made && h.text.Reveal() == text.Reveal() {
		return h.value, nil
	}
	value, err := h.build(text)
	if err != nil {
		return none, err
	}
	if h.made {
		old := h.value
		time.AfterFunc(h.rest, func() { h.close(old) })
	}
	h.made, h.text, h.value = true, text, value
	return value, nil
}

// Close closes what is held.
func (h *Held[T]) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.made {
		h.close(h.value)
	}
	h.made = false
}
