// Command smallest is the floor that a function's start is held against.
package main

import "github.com/aws/aws-lambda-go/lambda"

func main() { lambda.Start(func() (string, error) { return "", nil }) }
