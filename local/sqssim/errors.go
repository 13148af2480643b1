package sqssim

import (
	"encoding/json"
	"net/http"
)

// apiError is an error as SQS answers it: a shape's name for the JSON protocol
// and, in a header, the older code of the query protocol, which the SDKs report.
type apiError struct {
	status  int    // 0: 400
	kind    string // shape name
	query   string // "": same as kind
	message string
}

func (e *apiError) Error() string { return e.kind + ": " + e.message }

func (e *apiError) queryCode() string {
	if e.query == "" {
		return e.kind
	}
	return e.query
}

func (e *apiError) write(w http.ResponseWriter) {
	status, fault := e.status, "Sender"
	if status == 0 {
		status = http.StatusBadRequest
	}
	if status >= 500 {
		fault = "Receiver"
	}
	w.Header().Set("x-amzn-query-error", e.queryCode()+";"+fault)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": "com.amazonaws.sqs#" + e.kind, "message": e.message})
}

const legacy = "AWS.SimpleQueueService."

var (
	errNoQueue     = &apiError{kind: "QueueDoesNotExist", query: legacy + "NonExistentQueue", message: "The specified queue does not exist."}
	errBadHandle   = &apiError{kind: "ReceiptHandleIsInvalid", message: "The input receipt handle is invalid."}
	errNotInFlight = &apiError{kind: "MessageNotInflight", query: legacy + "MessageNotInflight", message: "The specified message isn't in flight."}
	errQueueExists = &apiError{kind: "QueueNameExists", query: "QueueAlreadyExists", message: "A queue already exists with the same name and a different value for an attribute."}
	errNoResource  = &apiError{status: http.StatusNotFound, kind: "ResourceNotFoundException", message: "The resource that you specified for the SourceArn parameter doesn't exist."}
	errContents    = &apiError{kind: "InvalidMessageContents", message: "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"}
)

func unsupported(message string) error {
	return &apiError{kind: "UnsupportedOperation", query: legacy + "UnsupportedOperation", message: message}
}

func serializationError(err error) error {
	return &apiError{kind: "SerializationException", message: "cannot read the request: " + err.Error()}
}

func missing(parameter string) *apiError {
	return &apiError{kind: "MissingParameter", message: "The request must contain the parameter " + parameter + "."}
}

func invalid(message string) *apiError {
	return &apiError{kind: "InvalidParameterValue", message: message}
}
