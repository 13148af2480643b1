package page

import (
	"errors"
	"net/url"
	"time"

	"siesta/shared/e2b/address"
	"siesta/shared/env"
)

// Config says what pages may show, and to whom.
type Config struct {
	Previews  address.Config // what frames in pages may show
	Ancestors []string       // origins whose pages may have ours in a frame
	View      time.Duration  // until a page that nobody touches asks whether anybody looks
}

// ReadConfig reads the settings of pages.
func ReadConfig(r *env.Reader) Config {
	c := Config{
		Previews:  address.Read(r),
		Ancestors: r.List("FRAME_ANCESTORS"),
		View:      r.Seconds("VIEW_SECONDS", time.Hour, time.Minute, 24*time.Hour),
	}
	r.Check("E2B", c.Previews.Check())
	for _, origin := range c.Ancestors {
		r.Check("FRAME_ANCESTORS", checkOrigin(origin))
	}
	return c
}

// checkOrigin refuses what is no origin: it would be a part of the page's policy.
func checkOrigin(origin string) error {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.Scheme+"://"+u.Host != origin {
		return errors.New("must be origins such as https://app.example.com, with commas between them")
	}
	return nil
}
