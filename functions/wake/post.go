package main

import (
	"mime"
	"net/url"

	"siesta/shared/api"
	"siesta/shared/job"
)

// sameSite reports whether a post came from the preview page itself. Browsers say so
// in a header that no page can set; the older ones say the origin, and our pages'
// forms none, because of their Referrer-Policy.
func sameSite(r api.Request) bool {
	if site := r.Headers["sec-fetch-site"]; site != "" {
		return site == "same-origin"
	}
	return r.Headers["origin"] == api.Origin(r)
}

const form = "application/x-www-form-urlencoded"

func isForm(r api.Request) bool { return contentType(r) == form }

func contentType(r api.Request) string {
	kind, _, err := mime.ParseMediaType(r.Headers["content-type"])
	if err != nil {
		return ""
	}
	return kind
}

func intentOf(r api.Request) (job.Intent, error) {
	body, err := api.Body(r)
	if err != nil {
		return "", err
	}
	switch contentType(r) {
	case "application/json":
		return job.ParseIntent(body)
	case form:
		values, err := url.ParseQuery(string(body))
		if err == nil && values.Get("intent") == string(job.Click) {
			return job.Click, nil
		}
	}
	return "", &job.InvalidError{Field: job.FieldBody, Reason: "must be JSON, or the page's own form"}
}
