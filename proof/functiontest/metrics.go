package functiontest

import (
	"encoding/json"
	"strings"

	"siesta/shared/metrics"
)

// Metric returns what CloudWatch reads of a metric out of the log, in its order: of
// lines that are one object and say so themselves.
func (l *Log) Metric(name metrics.Name) (values []float64) {
	for _, text := range strings.Split(l.String(), "\n") {
		var line map[string]json.RawMessage
		var meta struct {
			CloudWatchMetrics []struct{ Metrics []struct{ Name metrics.Name } }
		}
		if json.Unmarshal([]byte(text), &line) != nil || json.Unmarshal(line["_aws"], &meta) != nil {
			continue
		}
		for _, d := range meta.CloudWatchMetrics {
			for _, m := range d.Metrics {
				var one float64
				var several []float64
				switch {
				case m.Name != name:
				case json.Unmarshal(line[string(name)], &one) == nil:
					values = append(values, one)
				case json.Unmarshal(line[string(name)], &several) == nil:
					values = append(values, several...)
				}
			}
		}
	}
	return values
}

// Counted is the sum of a metric's values in the log.
func (l *Log) Counted(name metrics.Name) (sum float64) {
	for _, v := range l.Metric(name) {
		sum += v
	}
	return sum
}
