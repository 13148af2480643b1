package logging

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// The embedded metric format: CloudWatch makes metrics of a log line's numbers.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
type metadata struct {
	Timestamp         int64       `json:"Timestamp"` // Unix milliseconds
	CloudWatchMetrics []directive `json:"CloudWatchMetrics"`
}

type directive struct {
	Namespace  string     `json:"Namespace"`
	Dimensions [][]string `json:"Dimensions"`
	Metrics    []metric   `json:"Metrics"`
}

type metric struct {
	Name string `json:"Name"`
	Unit string `json:"Unit"`
}

// Metrics writes one line, whatever the logger's level is, and makes each of
// counts a metric of the function in the namespace Siesta. The attributes are
// for readers of the line alone.
func Metrics(ctx context.Context, log *slog.Logger, message string, counts map[string]int, attrs ...slog.Attr) {
	now := time.Now()
	d := directive{Namespace: "Siesta", Dimensions: [][]string{{"FunctionName"}}}
	line := slog.NewRecord(now, slog.LevelInfo, message, 0)
	line.AddAttrs(attrs...)
	line.AddAttrs(slog.String("FunctionName", cmp.Or(lambdacontext.FunctionName, "local")))
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		d.Metrics = append(d.Metrics, metric{name, "Count"})
		line.AddAttrs(slog.Int(name, counts[name]))
	}
	line.AddAttrs(slog.Any("_aws", metadata{now.UnixMilli(), []directive{d}}))
	_ = log.Handler().Handle(ctx, line) // as slog itself, which has nobody to tell either
}
