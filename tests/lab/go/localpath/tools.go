// Copyright (c) 2026, mcp_auth.openshift contributors
// SPDX-License-Identifier: GPL-3.0-or-later

//go:build tools

package tools

import _ "github.com/rancher/local-path-provisioner"
