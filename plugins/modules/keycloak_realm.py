#!/usr/bin/python
# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring a Keycloak realm to the wanted state in one login."""

from __future__ import annotations

DOCUMENTATION = r"""
module: keycloak_realm
short_description: Bring a Keycloak realm to the wanted state in one login
version_added: 0.1.0
author:
  - mcp_auth.openshift contributors (@mcp-auth)
description:
  - Makes or adopts a realm with its client scopes, clients, groups, users and realm roles.
  - One login and one read for each kind; the differences are planned, shown in check mode and diff mode, and exactly that plan is executed. Scopes
    come before clients, groups before users, removals last.
  - Lists that decide about security (redirect URIs, web origins, protocol mappers, scopes of a client, role mappings) are exact. What is not named
    is left alone and listed in RV(unmanaged).
  - All problems with the input are reported together before the first write.
notes:
  - Creating a realm needs the role C(create-realm) of realm C(master); restoring built-in scopes needs C(view-clients) there.
  - Secrets and passwords are never in the result, in a diff, in a log or in a failure message.
seealso:
  - module: mcp_auth.openshift.keycloak_token_exchange_client
options:
  realm:
    description: Name of the realm.
    type: str
    required: true
  state:
    description:
      - Whether the realm is there.
      - V(absent) removes only a realm that this module made, for exactly the same O(owner) (the attributes C(mcp-auth-openshift.owner) and
        C(mcp-auth-openshift.origin) say so), or with O(force=true). One that was adopted stays.
    type: str
    choices: [present, absent]
    default: present
  adopt:
    description:
      - Takes over a realm of that name, whoever made it.
      - Without it a realm is adopted when it carries our mark with the same O(owner), or when it has no mark and either has one of the O(clients)
        that are asked for, or is empty (no client of its own, no user, no group). Any other is refused, nothing being changed.
      - A realm that was taken over is marked as adopted.
    type: bool
    default: false
  owner:
    description:
      - Name that is written into the realm's mark, so that two owners do not take one realm from each other, and none removes the other's.
    type: str
  force:
    description: Lets O(state=absent) remove a realm that somebody else made, that was adopted, or that belongs to another O(owner).
    type: bool
    default: false
  settings:
    description: Settings of the realm. What is not named is left alone.
    type: dict
    suboptions:
      display_name:
        description: Name that people see.
        type: str
      enabled:
        description: Whether the realm is on.
        type: bool
      ssl_required:
        description: For which addresses TLS is required.
        type: str
        choices: [all, external, none]
      registration_allowed:
        description: Whether people can register themselves.
        type: bool
      remember_me:
        description: Whether people can stay signed in.
        type: bool
      verify_email:
        description: Whether e-mail addresses must be verified.
        type: bool
      login_with_email_allowed:
        description: Whether people can sign in with their e-mail address.
        type: bool
      duplicate_emails_allowed:
        description: Whether two people can have one e-mail address.
        type: bool
      reset_password_allowed:
        description: Whether people can reset their password.
        type: bool
      edit_username_allowed:
        description: Whether people can change their user name.
        type: bool
      password_policy:
        description: The password policy, in Keycloak's own notation.
        type: str
      access_token_lifespan:
        description: Seconds that an access token lives.
        type: int
      access_token_lifespan_for_implicit_flow:
        description: Seconds that an access token of the implicit flow lives.
        type: int
      access_code_lifespan:
        description: Seconds that an authorization code lives.
        type: int
      access_code_lifespan_user_action:
        description: Seconds for an action such as a new password.
        type: int
      access_code_lifespan_login:
        description: Seconds for a login.
        type: int
      sso_session_idle_timeout:
        description: Seconds after which an unused session ends.
        type: int
      sso_session_max_lifespan:
        description: Seconds after which a session ends in any case.
        type: int
      client_session_idle_timeout:
        description: Seconds after which a client's unused session ends; 0 for that of the realm.
        type: int
      client_session_max_lifespan:
        description: Seconds after which a client's session ends; 0 for that of the realm.
        type: int
      offline_session_idle_timeout:
        description: Seconds after which an unused offline session ends.
        type: int
      offline_session_max_lifespan_enabled:
        description: Whether offline sessions end in any case.
        type: bool
      offline_session_max_lifespan:
        description: Seconds after which an offline session ends in any case.
        type: int
      revoke_refresh_token:
        description: Whether a refresh token is good for a limited number of uses.
        type: bool
      refresh_token_max_reuse:
        description: How often a refresh token can be used again.
        type: int
      default_signature_algorithm:
        description: The algorithm that signs tokens.
        type: str
      brute_force_protected:
        description: Whether accounts are locked for a while after failed logins. On in a realm that this module makes, unless said otherwise.
        type: bool
      permanent_lockout:
        description: Whether accounts are locked for good.
        type: bool
      failure_factor:
        description: Number of failed logins that lock an account.
        type: int
      wait_increment_seconds:
        description: Seconds by which a lock grows.
        type: int
      max_failure_wait_seconds:
        description: Seconds that a lock lasts at most.
        type: int
      minimum_quick_login_wait_seconds:
        description: Seconds of lock after logins in quick succession.
        type: int
      quick_login_check_milli_seconds:
        description: Milliseconds below which logins count as quick succession.
        type: int
      max_delta_time_seconds:
        description: Seconds after which failures are forgotten.
        type: int
      events_enabled:
        description: Whether login events are stored. On in a realm that this module makes, unless said otherwise.
        type: bool
      events_expiration:
        description: Seconds that login events are kept.
        type: int
      events_listeners:
        description: Where events go.
        type: list
        elements: str
      enabled_event_types:
        description: Which login events are stored; all if empty.
        type: list
        elements: str
      admin_events_enabled:
        description: Whether admin events are stored. On in a realm that this module makes, unless said otherwise.
        type: bool
      admin_events_details_enabled:
        description: Whether admin events hold what was written. On in a realm that this module makes, unless said otherwise.
        type: bool
      attributes:
        description: Attributes of the realm. Those that are not named stay; an empty value removes one.
        type: dict
  representation:
    description: Further settings of the realm as Keycloak names them, passed through and compared. Secret ones are hidden by their name.
    type: dict
  reset_secrets:
    description:
      - Writes what O(representation) names and the server masks (such as the password of C(smtpServer)), on every run.
      - Without it such a value is written only where the realm has none. One that is there is neither compared nor written, and a warning says so.
    type: bool
    default: false
  builtin_scopes:
    description:
      - Restores built-in client scopes that the realm has lost (a C(KeycloakRealmImport) with client scopes of its own makes a realm without them,
        and its tokens then lack C(sub)), their place among the realm's defaults, and gives them back to the built-in clients.
      - What they hold is read from realm C(master) of the same server. A built-in scope that is there is left alone, unless it has lost all its
        mappers, or is C(basic) and has lost the one for C(sub).
    type: bool
    default: true
  client_scopes:
    description: Client scopes.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the scope.
        type: str
        required: true
      state:
        description: Whether the scope is there. V(absent) removes this one.
        type: str
        choices: [present, absent]
        default: present
      description:
        description: What the scope is for.
        type: str
      protocol:
        description: Protocol of the scope.
        type: str
        choices: [openid-connect, saml]
        default: openid-connect
      attributes:
        description: Attributes. Those that are not named stay; an empty value removes one.
        type: dict
      protocol_mappers:
        description:
          - The protocol mappers, exactly these (see O(purge.protocol_mappers)).
          - Left alone where not set.
        type: list
        elements: dict
        suboptions:
          name:
            description: Name of the mapper.
            type: str
            required: true
          protocol:
            description: Protocol of the mapper; that of its owner if not set.
            type: str
          protocol_mapper:
            description: Type of the mapper, such as V(oidc-audience-mapper). Types that the server does not know are refused.
            type: str
            required: true
          config:
            description: Settings of the mapper, compared as a whole. All values are taken as texts.
            type: dict
            default: {}
  default_default_client_scopes:
    description: Scopes that new clients get as default scopes, exactly these; SAML scopes aside. Left alone where not set.
    type: list
    elements: str
  default_optional_client_scopes:
    description: Scopes that new clients get as optional scopes, exactly these; SAML scopes aside. Left alone where not set.
    type: list
    elements: str
  clients:
    description:
      - Clients. A field that is not named is left alone on a client that is there.
      - A client that is made has every flow and the full scope off unless they are named.
    type: list
    elements: dict
    suboptions:
      client_id:
        description: Identifier of the client.
        type: str
        required: true
      state:
        description: Whether the client is there. V(absent) removes this one.
        type: str
        choices: [present, absent]
        default: present
      name:
        description: Name that people see.
        type: str
      description:
        description: What the client is for.
        type: str
      enabled:
        description: Whether the client is on.
        type: bool
      public_client:
        description: Whether the client has no credential of its own.
        type: bool
      bearer_only:
        description: Whether the client takes tokens only.
        type: bool
      client_authenticator_type:
        description: How a confidential client proves who it is, such as V(client-secret) or V(client-jwt).
        type: str
      secret:
        description:
          - The client's secret. It is compared by value and shown as a fingerprint.
          - Prefer O(clients[].secret_from).
        type: str
      secret_from:
        description: Where the secret is kept in the cluster.
        type: dict
        suboptions:
          kind:
            description: What holds the value.
            type: str
            choices: [Secret, ConfigMap]
            default: Secret
          namespace:
            description: Namespace of the object.
            type: str
            required: true
          name:
            description: Name of the object.
            type: str
            required: true
          key:
            description: Key of the value in the object.
            type: str
            required: true
      certificate:
        description:
          - Certificate (PEM) of the key with which the client signs its assertions (V(client-jwt)).
          - Prefer O(clients[].certificate_from).
        type: str
      certificate_from:
        description: Where the certificate is kept in the cluster.
        type: dict
        suboptions:
          kind:
            description: What holds the value.
            type: str
            choices: [Secret, ConfigMap]
            default: Secret
          namespace:
            description: Namespace of the object.
            type: str
            required: true
          name:
            description: Name of the object.
            type: str
            required: true
          key:
            description: Key of the value in the object.
            type: str
            required: true
      standard_flow_enabled:
        description: Authorization code flow.
        type: bool
      implicit_flow_enabled:
        description: Implicit flow.
        type: bool
      direct_access_grants_enabled:
        description: Password grant.
        type: bool
      service_accounts_enabled:
        description: Client credentials grant.
        type: bool
      device_flow_enabled:
        description: Device authorization grant.
        type: bool
      frontchannel_logout:
        description: Front-channel logout.
        type: bool
      full_scope_allowed:
        description: Whether tokens of the client carry all roles of a person.
        type: bool
      consent_required:
        description: Whether people are asked.
        type: bool
      pkce_code_challenge_method:
        description: PKCE method that the client must use; empty for no requirement.
        type: str
        choices: ['', S256]
      redirect_uris:
        description:
          - Where a login may end, exactly these (see O(purge.redirect_uris)).
          - Left alone where not set.
        type: list
        elements: str
      web_origins:
        description:
          - Origins for CORS, exactly these (see O(purge.web_origins)).
          - Left alone where not set.
        type: list
        elements: str
      post_logout_redirect_uris:
        description: Where a logout may end, exactly these (see O(purge.post_logout_redirect_uris)).
        type: list
        elements: str
      root_url:
        description: Root URL.
        type: str
      base_url:
        description: Base URL.
        type: str
      default_client_scopes:
        description:
          - Scopes in every token, exactly these (see O(purge.client_scopes_of_client)).
          - A client that is made without them gets the defaults of the realm.
        type: list
        elements: str
      optional_client_scopes:
        description:
          - Scopes that can be asked for, exactly these.
          - Of a O(clients[].requester) the scopes that reach its targets are left alone.
        type: list
        elements: str
      protocol_mappers:
        description:
          - The protocol mappers, exactly these (see O(purge.protocol_mappers)).
          - Left alone where not set.
        type: list
        elements: dict
        suboptions:
          name:
            description: Name of the mapper.
            type: str
            required: true
          protocol:
            description: Protocol of the mapper; that of its owner if not set.
            type: str
          protocol_mapper:
            description: Type of the mapper, such as V(oidc-audience-mapper). Types that the server does not know are refused.
            type: str
            required: true
          config:
            description: Settings of the mapper, compared as a whole. All values are taken as texts.
            type: dict
            default: {}
      access_token_lifespan:
        description: Seconds that an access token of this client lives. Ignored on a O(clients[].requester).
        type: int
      attributes:
        description: Further attributes. Those that are not named stay; an empty value removes one.
        type: dict
      service_account_realm_roles:
        description: Realm roles of the service account, exactly these (see O(purge.role_mappings)); the realm's default role aside.
        type: list
        elements: str
      service_account_client_roles:
        description: Client roles of the service account, as a list of names for each client, exactly these.
        type: dict
      requester:
        description:
          - Whether M(mcp_auth.openshift.keycloak_token_exchange_client) owns the exchange fields of this client.
          - They are then left alone here - the switch, refresh tokens, the token's lifespan, and optional scopes with an audience of others.
        type: bool
        default: false
      representation:
        description: Further fields as Keycloak names them, passed through and compared. Secret ones are hidden by their name.
        type: dict
  groups:
    description: Groups.
    type: list
    elements: dict
    suboptions:
      path:
        description: Path of the group, such as V(/admins). Missing parents are made.
        type: str
        required: true
      state:
        description: Whether the group is there. V(absent) removes this one.
        type: str
        choices: [present, absent]
        default: present
      attributes:
        description: Attributes, a text or a list of texts each.
        type: dict
      realm_roles:
        description: Realm roles of the group, exactly these.
        type: list
        elements: str
      client_roles:
        description: Client roles of the group, as a list of names for each client, exactly these.
        type: dict
  users:
    description: Users.
    type: list
    elements: dict
    suboptions:
      username:
        description: Name of the user. Keycloak keeps it in lower case.
        type: str
        required: true
      state:
        description: Whether the user is there. V(absent) removes this one.
        type: str
        choices: [present, absent]
        default: present
      email:
        description: E-mail address.
        type: str
      email_verified:
        description: Whether the address counts as verified.
        type: bool
      first_name:
        description: First name.
        type: str
      last_name:
        description: Last name.
        type: str
      enabled:
        description: Whether the account is on.
        type: bool
      groups:
        description:
          - Paths of the user's groups.
          - Exact among the groups that this task manages or names (see O(purge.group_membership)).
        type: list
        elements: str
      attributes:
        description: Attributes, a text or a list of texts each. The realm's user profile must know them.
        type: dict
      required_actions:
        description: What the user is asked to do at the next login.
        type: list
        elements: str
      password:
        description:
          - Password at birth. Set again only with O(users[].reset_password).
          - Prefer O(users[].password_from).
        type: str
      password_from:
        description: Where the password is kept in the cluster. It is read only when it is set.
        type: dict
        suboptions:
          kind:
            description: What holds the value.
            type: str
            choices: [Secret, ConfigMap]
            default: Secret
          namespace:
            description: Namespace of the object.
            type: str
            required: true
          name:
            description: Name of the object.
            type: str
            required: true
          key:
            description: Key of the value in the object.
            type: str
            required: true
      reset_password:
        description: Sets the password of a user that is there already, on every run.
        type: bool
        default: false
  realm_roles:
    description: Realm roles.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the role.
        type: str
        required: true
      state:
        description: Whether the role is there. V(absent) removes this one.
        type: str
        choices: [present, absent]
        default: present
      description:
        description: What the role is for.
        type: str
      composites:
        description: Realm roles that this role contains, exactly these.
        type: list
        elements: str
  purge:
    description: What is removed because it is not named. Lists that decide about security are exact by default.
    type: dict
    suboptions:
      clients:
        description: Clients that are not named. Built-in ones stay.
        type: bool
        default: false
      client_scopes:
        description: Client scopes that are not named. Built-in ones stay.
        type: bool
        default: false
      groups:
        description: Groups that are not named.
        type: bool
        default: false
      users:
        description: Users that are not named.
        type: bool
        default: false
      realm_roles:
        description: Realm roles that are not named. Built-in ones stay.
        type: bool
        default: false
      group_members:
        description: Members of the managed groups that are not among O(users).
        type: bool
        default: false
      redirect_uris:
        description: Redirect URIs that are not named.
        type: bool
        default: true
      web_origins:
        description: Web origins that are not named.
        type: bool
        default: true
      post_logout_redirect_uris:
        description: Post-logout redirect URIs that are not named.
        type: bool
        default: true
      protocol_mappers:
        description: Protocol mappers that are not named, of scopes and clients whose list is set.
        type: bool
        default: true
      client_scopes_of_client:
        description: Scopes of a client that are not named.
        type: bool
        default: true
      default_client_scopes:
        description: Default and optional OpenID Connect scopes of the realm that are not named.
        type: bool
        default: true
      role_mappings:
        description: Roles of groups, service accounts and composites that are not named.
        type: bool
        default: true
      group_membership:
        description: Memberships of O(users) in managed groups that are not named.
        type: bool
        default: true
  issuer:
    description: The issuer that the realm's discovery document must tell, to the letter; fails otherwise, after the changes.
    type: str
  plan_against_empty:
    description:
      - In check mode, says that this run would make the Keycloak. If it is not there - the object with the credential is not found, the
        host does not resolve, or nothing listens there (or a port mapping closes the connection) - the plan is made for a realm that is not there,
        with a warning.
      - A server that answers is there; a refused login, a wrong certificate or a slow answer is an error in check mode too.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
extends_documentation_fragment:
  - mcp_auth.openshift.attributes
  - mcp_auth.openshift.attributes.keycloak
  - mcp_auth.openshift.cluster
  - mcp_auth.openshift.keycloak
"""

EXAMPLES = r"""
- name: A realm with a public client whose redirect URIs are exactly these
  mcp_auth.openshift.keycloak_realm:
    auth_keycloak_url: https://sso.example.com
    auth_client_id: mcp-auth-admin
    auth_client_secret_from: {namespace: redhat-keycloak, name: mcp-auth-admin, key: client-secret}
    realm: openshift
    settings:
      access_token_lifespan: 300
      events_enabled: true
    client_scopes:
      - name: mcp-server
        protocol_mappers:
          - name: audience-mcp-server
            protocol_mapper: oidc-audience-mapper
            config: {included.client.audience: mcp-server, access.token.claim: true, id.token.claim: false}
    clients:
      - client_id: mcp-server
        client_authenticator_type: client-jwt
        certificate_from: {namespace: llama-stack, name: mcp-server-client, key: tls.crt}
        default_client_scopes: [basic, profile]
        requester: true
      - client_id: mcp-client
        public_client: true
        standard_flow_enabled: true
        pkce_code_challenge_method: S256
        redirect_uris: ["http://127.0.0.1/*"]
        web_origins: []
        default_client_scopes: [basic, mcp-server]
        optional_client_scopes: []
    groups:
      - path: /openshift_admins

- name: Show the drift of the realm and change nothing
  mcp_auth.openshift.keycloak_realm:
    realm: openshift
    clients:
      - client_id: mcp-client
        redirect_uris: ["http://127.0.0.1/*"]
  check_mode: true
  diff: true
  register: drift

- name: Remove one client
  mcp_auth.openshift.keycloak_realm:
    realm: openshift
    clients:
      - client_id: old-client
        state: absent
"""

RETURN = r"""
realm:
  description: Name of the realm.
  returned: always
  type: str
  sample: openshift
changes:
  description: What was changed, or in check mode would be, in order. Secrets are fingerprints that hold for this run only.
  returned: always
  type: list
  elements: dict
  contains:
    kind:
      description: Kind of the object.
      type: str
    name:
      description: Name of the object.
      type: str
    operation:
      description: V(create), V(update) or V(delete).
      type: str
    paths:
      description: The paths that differ.
      type: list
      elements: str
    before:
      description: The parts that differ, as they were.
      type: dict
    after:
      description: The parts that differ, as they are.
      type: dict
  sample:
    - kind: client
      name: mcp-client
      operation: update
      paths: [redirectUris]
      before: {redirectUris: ["*"]}
      after: {redirectUris: ["http://127.0.0.1/*"]}
unmanaged:
  description:
    - What is in the realm and not in the input, by kind, at most 200 names each. Built-in objects are not listed.
    - Below whole objects only what decides about security is listed - C(client_settings) are flows, full scope, lifespans, post-logout URIs and
      the exchange switch that are set on the clients of the input without being named; C(default_client_scopes) are further scopes that every new
      client gets; C(protocol_mappers) are audience and hardcoded mappers in built-in scopes.
  returned: always
  type: dict
  sample: {clients: [grafana], group_members: ["/openshift_admins: mallory"]}
against_empty:
  description: Whether the changes were planned without a server (O(plan_against_empty)).
  returned: success
  type: bool
  sample: false
requests:
  description: Number of requests to Keycloak, login included.
  returned: always
  type: int
  sample: 10
writes:
  description: Number of those that write.
  returned: always
  type: int
  sample: 0
error:
  description: On failure, what was tried, the server's code and what to do.
  returned: failure
  type: dict
  sample:
    code: 403
    hint: "Client a of realm master lacks the role view-clients."
    message: "GET admin/realms/x/clients was answered 403."
    reason: "forbidden"
    request: "GET admin/realms/x/clients"
problems:
  description: On bad input, every problem with its path. Nothing was changed then.
  returned: failure
  type: list
  elements: dict
  sample: [{path: "clients[0].secret", message: "a public client has no secret"}]
"""

from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.progress import Progress
from ansible_collections.mcp_auth.openshift.plugins.module_utils._keycloak.args import REALM_ARGS
from ansible_collections.mcp_auth.openshift.plugins.module_utils._keycloak.module import KeycloakModule, cluster_reader
from ansible_collections.mcp_auth.openshift.plugins.module_utils._keycloak.realm import run


def main() -> None:
    """Run the module."""
    module = KeycloakModule(REALM_ARGS)
    run(module, cluster_reader(module.params), Progress().say)


if __name__ == "__main__":
    main()
