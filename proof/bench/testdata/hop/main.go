// Command hop is the function at the end of one hop: it answers when it began.
package main

import (
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() { lambda.Start(func() (time.Time, error) { return time.Now(), nil }) }
