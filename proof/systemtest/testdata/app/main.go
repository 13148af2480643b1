// Command app is the app that the system tests build: it serves the folder that
// it was started in, on PORT, and fails in the ways that its flags name.
package main

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
)

func main() {
	hosts := flag.String("hosts", "", "answer 403 to a host that ends in none of these, as development servers do")
	port := flag.String("port", os.Getenv("PORT"), "listen there instead")
	say := flag.String("say", "", "print this first")
	exit := flag.Int("exit", 0, "end at once with this code")
	flag.Parse()
	if *say != "" {
		fmt.Println(*say)
	}
	if *exit != 0 {
		os.Exit(*exit)
	}
	files := http.FileServer(http.Dir("."))
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !allowed(r.Host, *hosts) {
			http.Error(w, "Blocked request. This host is not allowed.", http.StatusForbidden)
			return
		}
		if r.URL.Path == "/die" {
			os.Exit(1)
		}
		files.ServeHTTP(w, r)
	})
	if err := http.ListenAndServe(net.JoinHostPort(os.Getenv("HOST"), *port), handler); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func allowed(host, suffixes string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	for suffix := range strings.SplitSeq(suffixes, ",") {
		if strings.HasSuffix(host, suffix) {
			return true
		}
	}
	return suffixes == ""
}
