package secrets

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	fetchTries   = 3
	fetchBackoff = 200 * time.Millisecond
	maxSecret    = 1 << 20 // Secrets Manager's own limit is 64 KB
)

// manager is Secrets Manager: one call of its API, which takes a tenth of the room
// that AWS's client of all of them takes in a function.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
type manager struct {
	cfg     aws.Config
	address string
}

// newManager is the one at endpoint, nil for the region's own.
func newManager(cfg aws.Config, endpoint *string) manager {
	if endpoint != nil {
		return manager{cfg, *endpoint}
	}
	domain := "amazonaws.com"
	if strings.HasPrefix(cfg.Region, "cn-") {
		domain += ".cn"
	}
	return manager{cfg, "https://secretsmanager." + cfg.Region + "." + domain}
}

// text is the secret's text, without blanks around it.
func (m manager) text(ctx context.Context, arn string) (string, error) {
	for try := 1; ; try++ {
		text, again, err := m.ask(ctx, arn)
		if err == nil || !again || try == fetchTries {
			return text, err
		}
		select {
		case <-ctx.Done():
			return "", err
		case <-time.After(fetchBackoff):
		}
	}
}

// ask asks once; again says that the error may pass.
func (m manager) ask(ctx context.Context, arn string) (text string, again bool, err error) {
	req, err := m.request(ctx, arn)
	if err != nil {
		return "", false, err
	}
	client := m.cfg.HTTPClient
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", true, err
	}
	defer resp.Body.Close()
	var answer struct {
		SecretString string
		Type         string `json:"__type"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxSecret)).Decode(&answer); err != nil && resp.StatusCode == http.StatusOK {
		return "", true, errors.New("the answer is no JSON")
	}
	if resp.StatusCode != http.StatusOK {
		again := resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests || strings.Contains(answer.Type, "Throttling")
		return "", again, fmt.Errorf("the answer of Secrets Manager is %d %s", resp.StatusCode, answer.Type)
	}
	if text = strings.TrimSpace(answer.SecretString); text == "" {
		return "", false, errors.New("the secret holds no text")
	}
	return text, false, nil
}

func (m manager) request(ctx context.Context, arn string) (*http.Request, error) {
	body, err := json.Marshal(map[string]string{"SecretId": arn})
	if err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.address+"/", bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "secretsmanager.GetSecretValue")
	if m.cfg.Credentials == nil {
		return nil, errors.New("no credentials")
	}
	credentials, err := m.cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("retrieve credentials: %w", err)
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, credentials, req, hex.EncodeToString(sum[:]), "secretsmanager", m.cfg.Region, time.Now()); err != nil {
		return nil, fmt.Errorf("sign request: %w", err)
	}
	return req, nil
}

// pick takes a value out of a secret's text: the text itself or, where that is
// JSON, its field. Its errors hold nothing of the text.
func pick(text, field string) (string, error) {
	if !strings.ContainsRune(`{["`, rune(text[0])) {
		return text, nil
	}
	var fields map[string]json.RawMessage
	var value string
	if json.Unmarshal([]byte(text), &fields) != nil {
		return "", errors.New("the secret must be plain text, or a JSON object with a field " + field)
	}
	if json.Unmarshal(fields[field], &value) != nil || strings.TrimSpace(value) == "" {
		return "", errors.New("the secret is JSON, and has no text in the field " + field + ": name the right one after the ARN and a #")
	}
	return strings.TrimSpace(value), nil
}
