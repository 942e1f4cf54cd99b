// Copyright (c) 2026, mcp_auth.openshift contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Command etcd is the etcd server.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
