package e2b

import (
	"context"
	"errors"
	"fmt"
)

// ErrNotOurs: the sandbox carries other tags than its killer's.
var ErrNotOurs = errors.New("sandbox has another's tags")

// KillTagged ends a sandbox if it carries these tags; nil: E2B says that there is
// none now. A copy of a database names sandboxes that belong to the original:
// those are ErrNotOurs.
func (c *Client) KillTagged(ctx context.Context, id string, tags map[string]string) error {
	sandbox, err := c.Get(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound): // a single one is not believed
	case err != nil:
		return fmt.Errorf("look at sandbox: %w", err)
	case !sandbox.Tagged(tags):
		return ErrNotOurs
	}
	if err := c.Kill(ctx, id); err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("kill sandbox: %w", err)
	}
	return nil
}
