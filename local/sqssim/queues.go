package sqssim

import (
	"context"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var queueName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

func itoa(n int) string { return strconv.Itoa(n) }

type onQueue struct{ QueueUrl string }

// lookup finds a queue by its address; only the path counts, since one server
// may be reached under several host names.
func (s *Server) lookup(address string) (*queue, error) {
	if address == "" {
		return nil, missing("QueueUrl")
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, errNoQueue
	}
	name, ok := strings.CutPrefix(u.Path, "/"+account+"/")
	if q := s.queues[name]; ok && q != nil {
		return q, nil
	}
	return nil, errNoQueue
}

type createQueueIn struct {
	QueueName  string
	Attributes map[string]string
}

func (s *Server) createQueue(_ context.Context, in createQueueIn) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.HasSuffix(in.QueueName, ".fifo") {
		return nil, unsupported("only standard queues are supported")
	}
	if !queueName.MatchString(in.QueueName) {
		return nil, invalid("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	policy, err := s.check(in.Attributes)
	if err != nil {
		return nil, err
	}
	if q := s.queues[in.QueueName]; q != nil {
		has := q.described(s.now())
		for name, value := range in.Attributes {
			if has[name] != value {
				return nil, errQueueExists
			}
		}
		return map[string]string{"QueueUrl": s.URL(in.QueueName)}, nil
	}
	settings := maps.Clone(in.Attributes)
	if settings == nil {
		settings = map[string]string{}
	}
	now := s.now()
	s.queues[in.QueueName] = &queue{
		name: in.QueueName, created: now,
		settings: settings, policy: policy, byID: map[string]*message{},
	}
	s.notify()
	return map[string]string{"QueueUrl": s.URL(in.QueueName)}, nil
}

func (s *Server) getQueueURL(_ context.Context, in struct{ QueueName string }) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.queues[in.QueueName] == nil {
		return nil, errNoQueue
	}
	return map[string]string{"QueueUrl": s.URL(in.QueueName)}, nil
}

func (s *Server) listQueues(_ context.Context, in struct{ QueueNamePrefix string }) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	urls := []string{}
	for _, name := range slices.Sorted(maps.Keys(s.queues)) {
		if strings.HasPrefix(name, in.QueueNamePrefix) {
			urls = append(urls, s.URL(name))
		}
	}
	return map[string][]string{"QueueUrls": urls}, nil
}

type getAttributesIn struct {
	QueueUrl       string
	AttributeNames []string
}

func (s *Server) getQueueAttributes(_ context.Context, in getAttributesIn) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.lookup(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	all, told := q.described(s.now()), map[string]string{}
	for _, name := range in.AttributeNames {
		value, known := all[name]
		switch {
		case name == "All":
			told = all
		case known:
			told[name] = value
		case name != "RedrivePolicy" && !ignored[name]:
			return nil, &apiError{kind: "InvalidAttributeName", message: "Unknown Attribute " + name + "."}
		}
	}
	return map[string]any{"Attributes": told}, nil
}

func (s *Server) purgeQueue(_ context.Context, in onQueue) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.lookup(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	q.heap, q.byID = nil, map[string]*message{}
	s.notify()
	return struct{}{}, nil
}
