package browser_test

import (
	"time"

	"siesta/local/e2bsim"
	"siesta/shared/job"
)

// viewers keep their preview awake past WAKE_SECONDS, both or one of them, and let it
// sleep on time once nobody looks: behind another tab, or gone.
func (s *system) viewers() {
	id, preview, link := s.sleeping(counter)
	one := s.open(link, fast)
	one.click("#open button")
	one.shows(`document.body.dataset.state === "awake"`)
	app := s.frame(preview)
	app.click("#count")
	two := s.another(link, fast)
	two.shows(`document.body.dataset.state === "awake"`)
	one.shows(`!document.hidden`)

	pauses := s.calls(e2bsim.Pause)
	look := func(times int) {
		s.t.Helper()
		for range times {
			ends := s.awakeUntil(id)
			s.pass(wakeTime/2 + time.Minute)
			s.until(soon, "looking prolongs", func() bool { // and has done so: a wake under way moves the end again
				return s.status(id).SandboxState == job.SandboxRunning && s.awakeUntil(id).After(ends)
			})
		}
	}
	// A prolongation that takes its time is no wake to those who look.
	if _, err := s.E2B.AddFault(e2bsim.Fault{Call: e2bsim.Connect, Action: e2bsim.Delay, Delay: time.Second}); err != nil {
		s.t.Fatal(err)
	}
	look(3)
	two.leave()
	look(2)
	if n := s.calls(e2bsim.Pause) - pauses; n != 0 {
		s.t.Errorf("it slept %d times while somebody looked", n)
	}
	app.shows(`count.textContent === "1"`)

	// Behind another tab the page says nothing more, and its preview sleeps when it is
	// due, and not before.
	other := s.open("about:blank")
	one.shows(`document.hidden && (window.posted = asked.length, window.seen = looks, true)`)
	one.shows(`looks > seen + 2 && asked.length === posted`)
	s.pass(wakeTime / 2)
	if n := s.calls(e2bsim.Pause) - pauses; n != 0 || s.status(id).SandboxPaused {
		s.t.Errorf("it slept %d times before it was due", n)
	}
	s.lapses(id, wakeTime/2+time.Second)

	// To be seen again wakes nothing: the page says that it sleeps.
	connects := s.calls(e2bsim.Connect)
	other.leave()
	if err := one.Show(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	one.shows(`document.body.dataset.state === "asleep"`)
	if n := s.calls(e2bsim.Connect) - connects; n != 0 {
		s.t.Errorf("looking at a sleeping preview made %d connects", n)
	}

	// Of two, one leaves, then the other.
	one.click("#open button")
	one.shows(`document.body.dataset.state === "awake"`)
	two = s.another(link, fast)
	two.shows(`document.body.dataset.state === "awake"`)
	one.leave()
	look(1)
	two.leave()
	s.lapses(id, wakeTime+time.Second)
}

// lapses lets the time pass that a version has left, and waits until it sleeps. A look
// that was under way may move the end once more, and it sends its pause message a moment
// after that, so perhaps after the queue's time was moved on.
func (s *system) lapses(id string, left time.Duration) {
	s.t.Helper()
	var ends time.Time
	s.until(soon, "the preview sleeps", func() bool {
		told := s.status(id)
		if until := s.awakeUntil(id); until.After(ends) {
			ends = until
			s.pass(left)
			left = wakeTime + time.Second
		} else if told.SandboxState == job.SandboxRunning {
			s.SQS.Advance(wakeTime)
		}
		return told.SandboxPaused
	})
}
