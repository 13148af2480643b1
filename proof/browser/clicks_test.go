package browser_test

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"siesta/local/e2bsim"
)

// unseen are requests whose answers nobody looks at: of bots, of chat apps that show
// what a link leads to, and of browsers that fetch ahead.
var unseen = []http.Header{
	named("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"), named("Twitterbot/1.0"), named("facebookexternalhit/1.1"),
	named("LinkedInBot/1.0"), named("Discordbot/2.0"), named("TelegramBot (like TwitterBot)"), named("WhatsApp/2.24"),
	named("SkypeUriPreview Preview/0.5"), named("Mozilla/5.0 (Teams)"), named("redditbot/1.0"), named("Googlebot/2.1"), named("bingbot/2.0"),
	named("YandexBot/3.0"), named("Applebot/0.1"), named("GPTBot/1.2"), named("curl/8.5"), named("python-requests/2.32"),
	named("Mozilla/5.0", "Purpose", "prefetch", "X-Moz", "prefetch"),
	named("Mozilla/5.0", "Sec-Purpose", "prefetch", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Dest", "document"),
	named("Mozilla/5.0", "Sec-Purpose", "prefetch;prerender", "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "navigate"),
}

func named(agent string, more ...string) http.Header {
	h := http.Header{"User-Agent": {agent}}
	for i := 0; i < len(more); i += 2 {
		h.Set(more[i], more[i+1])
	}
	return h
}

// crowd: bots wake nothing, and any number of clicks wakes once.
func (s *system) crowd() {
	id, preview, link := s.sleeping(counter)
	s.bots(id, preview, link)
	s.clicksAtOnce(preview, link)
}

// bots ask for a sleeping preview's page and for its state, a thousand times, and E2B
// is not told.
func (s *system) bots(id, preview, link string) {
	before, calls := s.status(id), s.callsAbout(preview)
	asks := make(chan func())
	var askers sync.WaitGroup
	for range 8 {
		askers.Go(func() {
			for ask := range asks {
				ask()
			}
		})
	}
	for i := range 1000 {
		header, method, address := unseen[i%len(unseen)], http.MethodGet, link
		switch i / len(unseen) % 3 {
		case 1:
			address += "/state"
		case 2:
			method = http.MethodHead
		}
		asks <- func() {
			answer, told, err := s.send(method, address, header, "")
			if err != nil || method == http.MethodGet && (answer.StatusCode != http.StatusOK || !strings.Contains(told, "This preview is asleep")) {
				s.t.Errorf("%s as %s: %v %s %v", method, header, answer, told, err)
			}
		}
	}
	close(asks)
	askers.Wait()
	if n := s.callsAbout(preview) - calls; n != 0 {
		s.t.Errorf("a thousand requests of bots made %d calls to E2B", n)
	}
	if after := s.status(id); after.Revision != before.Revision {
		s.t.Errorf("and moved the preview from revision %d to %d, %s", before.Revision, after.Revision, after.SandboxState)
	}
}

// crowded keeps its connections.
var crowded = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 500}, Timeout: patience}

// send makes a request; the answer's body has been read.
func (s *system) send(method, address string, header http.Header, body string) (answer *http.Response, told string, err error) {
	r, err := http.NewRequestWithContext(s.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	r.Header = header
	if answer, err = crowded.Do(r); err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer, string(text), err
}

// clicksAtOnce are five hundred, ten on each of fifty pages, of which three are tabs.
// They make one wake, and all see it.
func (s *system) clicksAtOnce(preview, link string) {
	connects := s.calls(e2bsim.Connect)
	var tabs []*tab
	for range 3 {
		p := s.another(link)
		p.shows(`document.body.dataset.state === "asleep"`)
		tabs = append(tabs, p)
	}
	var clicks sync.WaitGroup
	for range (50 - len(tabs)) * 10 {
		clicks.Go(func() {
			if err := s.click(link); err != nil {
				s.t.Error(err)
			}
		})
	}
	for _, p := range tabs {
		clicks.Go(func() {
			if _, err := p.Eval(s.t.Context(), `for (let i = 0; i < 10; i++) document.querySelector("#open button").click()`); err != nil {
				s.t.Error(err)
			}
		})
	}
	clicks.Wait()
	for _, p := range tabs {
		p.shows(`document.body.dataset.state === "awake" && document.getElementById("app")`)
	}
	s.frame(preview).shows(`count.click(), count.textContent !== "0"`)
	if n := s.calls(e2bsim.Connect) - connects; n != 1 {
		s.t.Errorf("five hundred clicks made %d connects", n)
	}
}

// click posts what a click on the page does, until the preview is awake.
func (s *system) click(link string) error {
	origin := link[:strings.Index(link, "/p/")]
	header := http.Header{"Content-Type": {"application/json"}, "Origin": {origin}, "Sec-Fetch-Site": {"same-origin"}}
	for {
		answer, told, err := s.send(http.MethodPost, link+"/wake", header, `{"intent": "click"}`)
		switch {
		case err != nil:
			return err
		case answer.StatusCode == http.StatusOK && strings.Contains(told, `"state":"awake"`):
			return nil
		case answer.StatusCode != http.StatusAccepted:
			return fmt.Errorf("a click is answered %s: %s", answer.Status, told)
		}
		seconds, err := strconv.Atoi(answer.Header.Get("Retry-After"))
		if err != nil {
			return fmt.Errorf("the page is not told when to ask again: %w", err)
		}
		select {
		case <-time.After(time.Duration(seconds) * time.Second):
		case <-s.t.Context().Done():
			return s.t.Context().Err()
		}
	}
}
