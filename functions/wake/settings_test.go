package main

import (
	"testing"

	"siesta/proof/settingstest"
)

func TestSettings(t *testing.T) { settingstest.Hold(t, "wake", readSettings) }
