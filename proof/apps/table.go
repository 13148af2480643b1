package main

import "slices"

// apps are all projects.
var apps = slices.Concat(viteScaffolds(), scaffolds, nodeApps, vites(), managed, pythonApps, otherApps, kinds, failures)

// counts is a click that most of our own pages have.
var counts = click{"button", "count (is )?[1-9]"}
