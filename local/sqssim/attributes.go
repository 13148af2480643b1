package sqssim

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"
)

// limits are the numeric settings of a queue: default, least, most.
var limits = map[string][3]int{
	"DelaySeconds":                  {0, 0, 900},
	"MaximumMessageSize":            {1 << 20, 1024, 1 << 20},
	"MessageRetentionPeriod":        {345600, 60, 1209600},
	"ReceiveMessageWaitTimeSeconds": {0, 0, 20},
	"VisibilityTimeout":             {30, 0, 43200},
}

// ignored are settings that are kept and told, and mean nothing here.
var ignored = map[string]bool{
	"Policy": true, "RedriveAllowPolicy": true, "KmsMasterKeyId": true,
	"KmsDataKeyReusePeriodSeconds": true, "SqsManagedSseEnabled": true,
}

type redrivePolicy struct {
	target      string // name of the dead-letter queue, "" for none
	maxReceives int
}

func (q *queue) number(name string) int {
	if v, err := strconv.Atoi(q.settings[name]); err == nil {
		return v
	}
	return limits[name][0]
}

func (q *queue) seconds(name string) time.Duration {
	return time.Duration(q.number(name)) * time.Second
}

// check validates settings as a whole and returns the redrive policy in them.
func (s *Server) check(settings map[string]string) (policy redrivePolicy, err error) {
	for name, value := range settings {
		if limit, ok := limits[name]; ok {
			if n, err := strconv.Atoi(value); err != nil || n < limit[1] || n > limit[2] {
				return policy, &apiError{kind: "InvalidAttributeValue", message: "Invalid value for the parameter " + name + "."}
			}
			continue
		}
		switch {
		case name == "RedrivePolicy":
			if policy, err = s.parseRedrive(value); err != nil {
				return policy, err
			}
		case name == "FifoQueue":
			return policy, unsupported("only standard queues are supported")
		case !ignored[name]:
			return policy, &apiError{kind: "InvalidAttributeName", message: "Unknown Attribute " + name + "."}
		}
	}
	return policy, nil
}

func (s *Server) parseRedrive(text string) (redrivePolicy, error) {
	if text == "" {
		return redrivePolicy{}, nil
	}
	bad := func(reason string) (redrivePolicy, error) {
		return redrivePolicy{}, invalid("Value " + text + " for parameter RedrivePolicy is invalid. Reason: " + reason)
	}
	var p struct {
		Target string      `json:"deadLetterTargetArn"`
		Max    json.Number `json:"maxReceiveCount"` // a number or a string, in SQS too
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return bad("Redrive policy is not a valid JSON map.")
	}
	n, err := strconv.Atoi(p.Max.String())
	if err != nil || n < 1 || n > 1000 {
		return bad("Invalid value for maxReceiveCount: must be between 1 and 1000.")
	}
	target, err := s.byARN(p.Target)
	if err != nil {
		return bad("Dead letter target does not exist.")
	}
	return redrivePolicy{target: target.name, maxReceives: n}, nil
}

func (s *Server) byARN(arn string) (*queue, error) {
	name, ok := strings.CutPrefix(arn, "arn:aws:sqs:"+region+":"+account+":")
	if q := s.queues[name]; ok && q != nil {
		return q, nil
	}
	return nil, errNoResource
}

// described returns every attribute that SQS tells about a queue.
func (q *queue) described(now time.Time) map[string]string {
	all := map[string]string{"QueueArn": q.arn(), "SqsManagedSseEnabled": "true"}
	for name, limit := range limits {
		all[name] = strconv.Itoa(limit[0])
	}
	maps.Copy(all, q.settings)
	if all["RedrivePolicy"] == "" {
		delete(all, "RedrivePolicy")
	}
	stats := q.stats(now)
	for name, n := range map[string]int64{
		"ApproximateNumberOfMessages":           int64(stats.Visible),
		"ApproximateNumberOfMessagesNotVisible": int64(stats.InFlight),
		"ApproximateNumberOfMessagesDelayed":    int64(stats.Delayed),
		"CreatedTimestamp":                      q.created.Unix(),
		"LastModifiedTimestamp":                 q.created.Unix(),
	} {
		all[name] = fmt.Sprint(n)
	}
	return all
}
