package sqs

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"siesta/shared/job"
)

func TestDecide(t *testing.T) {
	for _, c := range []struct {
		err  error
		want decision
	}{
		{nil, acknowledge},
		{errors.New("unheard of"), retry},
		{fmt.Errorf("claim: %w", job.ErrUnavailable), retry},
		{fmt.Errorf("decode: %w", job.ErrBadMessage), deadLetter},
		{&job.InvalidError{Field: "goal", Reason: "is required"}, deadLetter},
		{job.ErrForeign, deadLetter},
		{fmt.Errorf("pause: %w", &RetryAfter{Delay: time.Second, Err: job.ErrForeign}), retry},
		{errors.Join(job.ErrForeign, job.ErrUnavailable), retry},
	} {
		if got := decide(c.err); got != c.want {
			t.Errorf("%v: got %v, want %v", c.err, got, c.want)
		}
	}
}
