package race

import (
	"fmt"
	"net/http"
	"time"

	"siesta/local/e2bsim"
)

// moods are the faults of E2B's that cost nobody a sandbox.
var moods = []e2bsim.Fault{
	{Call: e2bsim.Create, Action: e2bsim.GatewayTimeout}, {Call: e2bsim.Create, Action: e2bsim.TimeoutAfter},
	{Call: e2bsim.Create, Action: e2bsim.RateLimited}, {Call: e2bsim.Create, Action: e2bsim.ErrorAnswer},
	{Call: e2bsim.Connect, Action: e2bsim.GatewayTimeout}, {Call: e2bsim.Connect, Action: e2bsim.TimeoutAfter},
	{Call: e2bsim.Connect, Action: e2bsim.LimitReached}, {Call: e2bsim.Connect, Action: e2bsim.ErrorAnswer},
	{Call: e2bsim.Pause, Action: e2bsim.GatewayTimeout}, {Call: e2bsim.Pause, Action: e2bsim.TimeoutAfter},
	{Call: e2bsim.Pause, Action: e2bsim.ErrorAnswer}, {Call: e2bsim.Pause, Action: e2bsim.RateLimited},
	{Call: e2bsim.Pause, Action: e2bsim.ErrorAnswer, Status: http.StatusServiceUnavailable}, {Call: e2bsim.Connect, Action: e2bsim.OtherID},
	{Call: e2bsim.Kill, Action: e2bsim.GatewayTimeout}, {Call: e2bsim.Kill, Action: e2bsim.TimeoutAfter},
	{Call: e2bsim.List, Action: e2bsim.ErrorAnswer}, {Call: e2bsim.Get, Action: e2bsim.ErrorAnswer}, {Call: e2bsim.List, Action: e2bsim.OddEntry},
	{Call: e2bsim.List, Action: e2bsim.Lag, Lag: 4 * time.Minute, Times: 5}, {Call: e2bsim.Get, Action: e2bsim.Lag, Lag: 4 * time.Minute, Times: 5},
	{Call: e2bsim.StartProcess, Action: e2bsim.AnswerLost}, {Call: e2bsim.Files, Action: e2bsim.GatewayTimeout},
}

func (h *history) breakE2B() error {
	f := pick(h.random, moods)
	f.Nth = 1 + h.random.IntN(2)
	h.tell(fmt.Sprintf("E2B: %s of call %d to %s", f.Action, f.Nth, f.Call))
	h.told.Faults++
	h.excuse(1)
	_, err := h.E2B.AddFault(f)
	return err
}
