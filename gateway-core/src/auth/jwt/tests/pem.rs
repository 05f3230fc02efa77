//! Keys made for these tests; they open nothing.

pub(super) const RSA: &str = "\
-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQClp+rMSkqAlMzN
tEDh8KH7D1z7AUW3ajTMJH5pKIK0vWrvRMas8SyzDviKd7zasuw0/4oZpe6bNJFV
LuD7SP9Y7F2Ulv9JzVhGWOX/wr7C7bWmFf6UmPt2hZ++wXjNNKCyPzksfg2o6sUN
B9OvOGSuS9vTrk9c/G4p4gsUWoH7NCFCz0BUukaXcUjxrx3ymd5oXD7odw3feu58
I0mb30zJL4JKJHfdByk6yjZ7BY5H6u5XIz03fSnDQqr9dFckG4jcd1agWvYBmbY+
BI12BOU/DRRUARUadD9ZAFaJaMxjp371/P/QzLfIXObiMiqtCFhim3yHTnvFjwlF
ZQITpXHbAgMBAAECggEAHwB677qjkMbIQWMPlXk8R0kLxKnrSzUkJmRaCAId3Adr
ANZlPC5yiBwwJXHdNSyxCgYc6UnlisRewotgbYauywyJQuqzYjN85sVyXdgrbT2h
djC9kT/EJ91AFSoOGpFT1agBYjNBCTDOqe6iDjPGm9v0ivwfPC69yzbTjf6WPtWo
o2miflosS+25srwCeNHvsI1v/OSXqm2i0bHmmplhRC1zr/Fv/g/JN9CMQdUR3OWt
bstyisVZser4o45+yizbmvMUrt1BhmthxieXfLqY9JWcoZ5ZNOJc4voePgqeTpbG
+zUpEtTfixDbu55F4rClVCKIDSZlGwUKJTuy9LCIMQKBgQDOL+whSbG6B+UlvMkT
sX9+lb1OIReFnT4Gq5LYoTTT2m2Xh8L1mplfU+gLNBgJ0xP4gZtT220ircG3nlQ7
Y5zddTwqS68sA7Yiso3H20YbPq+syenJvcL7wXwXqW2N3WgCOwy+Z8KcXfK1uqiz
4fKj6W9VL9zlzjwJgPqsvdUjkwKBgQDNrUD3LVVt8FUQI/ooIFMoUBUL0pHNXeiO
E8zRplIkqLyI5reWhCPKSTKGu2OT/HUP1M2I7LCRhmjU2Fl6um2kaj5Kc2WA50Pm
ABy3B2JkvuBVIAnrOAyrR2MohGrHcWpjlEz8V/zjFRR+f2OHQyxp6/PmDzHrbhB0
VXtXJJt1mQKBgBUM+XuwjW+jzLZcnt7e2VhwK0KlyEQA+Msviy+Izd7vRw8YckQn
A4+i/mbea7HdFgXiHZyjI3JN8SAxDwJ9Og+2H21mCr1gp6DFQApujarMbJ0khDTv
pc+UQnob9y5rs2m+458w8sKKKPR62Sx8Xgx0EcTNvSzNMH376BvoybD3AoGAEFj5
9euDg8Z7bFn/sxrGoUikM5lb/1+8cTZ/rBY1JzbGLXdxFiSQl65ztqPESWnigAyg
/YYajqaJRImhqxCQUGYlZ1N+uN0o12og3idXGbzWJc3zG+ALmb2F0x2bQxjvpNSP
vercbcwqIdfMOF8Nc6nOa/W/OQA5jJWSxR1iwdkCgYEAx2uRxH8vrMgRTqEEfZmG
D/iaO+udKKB0h3nDe90z3cwNIN1W1qGimgUjpBve95RrhUh4RhZ5L8V2yxAzTr70
b7y1/KCfQt1nAazGRSwSkTo0Y+svyHsGksK3McbQj7U93oLt7q0lCxc8P3dQQcFK
Zea4XI61v+VH6bc00py5Np8=
-----END PRIVATE KEY-----
";

pub(super) const RSA_PUBLIC: &str = "\
-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEApafqzEpKgJTMzbRA4fCh
+w9c+wFFt2o0zCR+aSiCtL1q70TGrPEssw74ine82rLsNP+KGaXumzSRVS7g+0j/
WOxdlJb/Sc1YRljl/8K+wu21phX+lJj7doWfvsF4zTSgsj85LH4NqOrFDQfTrzhk
rkvb065PXPxuKeILFFqB+zQhQs9AVLpGl3FI8a8d8pneaFw+6HcN33rufCNJm99M
yS+CSiR33QcpOso2ewWOR+ruVyM9N30pw0Kq/XRXJBuI3HdWoFr2AZm2PgSNdgTl
Pw0UVAEVGnQ/WQBWiWjMY6d+9fz/0My3yFzm4jIqrQhYYpt8h057xY8JRWUCE6Vx
2wIDAQAB
-----END PUBLIC KEY-----
";

pub(super) const EC: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgh+XfbXmELJavugpe
7Vl8ndAp6ugcQp7C748n6eArclShRANCAASdssqaCM/DgeAapaHWhtKbLy5NcpQH
GE+qSP8F05nlTkt5cDo08WFDRJF9m1lo4uWS5wzmY+OknlGcZX5BTaWp
-----END PRIVATE KEY-----
";

pub(super) const EC_PUBLIC: &str = "\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEnbLKmgjPw4HgGqWh1obSmy8uTXKU
BxhPqkj/BdOZ5U5LeXA6NPFhQ0SRfZtZaOLlkucM5mPjpJ5RnGV+QU2lqQ==
-----END PUBLIC KEY-----
";

pub(super) const ED: &str = "\
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIDti3ra0PfhQ15X1hh0ZtnmhRvtoYrklVQfP9h92bSkw
-----END PRIVATE KEY-----
";

pub(super) const ED_PUBLIC: &str = "\
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAvKYf77I0F4EYS7vKjnxWmJOFHjEZEKoZLj7pe8BFZ0o=
-----END PUBLIC KEY-----
";

pub(super) const OTHER_ED: &str = "\
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIIQrHU+tF39YLKZ3Z735AzQndLDN78TgzPsUUSm7ccXk
-----END PRIVATE KEY-----
";

pub(super) const GHOST_ED: &str = "\
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIPvzlfUerTWxY5md+Xd0NEnJauY58GKrI9L7WORG71Rk
-----END PRIVATE KEY-----
";

pub(super) const ED_X: &str = "vKYf77I0F4EYS7vKjnxWmJOFHjEZEKoZLj7pe8BFZ0o";

/// The public halves of the above, as an issuer publishes them.
pub(super) const KEYS: &str = r#"{"keys": [
        {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "rsa", "e": "AQAB", "n": "pafqzEpKgJTMzbRA4fCh-w9c-wFFt2o0zCR-aSiCtL1q70TGrPEssw74ine82rLsNP-KGaXumzSRVS7g-0j_WOxdlJb_Sc1YRljl_8K-wu21phX-lJj7doWfvsF4zTSgsj85LH4NqOrFDQfTrzhkrkvb065PXPxuKeILFFqB-zQhQs9AVLpGl3FI8a8d8pneaFw-6HcN33rufCNJm99MyS-CSiR33QcpOso2ewWOR-ruVyM9N30pw0Kq_XRXJBuI3HdWoFr2AZm2PgSNdgTlPw0UVAEVGnQ_WQBWiWjMY6d-9fz_0My3yFzm4jIqrQhYYpt8h057xY8JRWUCE6Vx2w"},
        {"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "ec", "x": "nbLKmgjPw4HgGqWh1obSmy8uTXKUBxhPqkj_BdOZ5U4", "y": "S3lwOjTxYUNEkX2bWWji5ZLnDOZj46SeUZxlfkFNpak"},
        {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "ed", "x": "vKYf77I0F4EYS7vKjnxWmJOFHjEZEKoZLj7pe8BFZ0o"},
        {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "other-ed", "x": "y6UBuB0EtooXnFVnn9-hdgQEQa6UIpnB2sITdTMscWM"}
    ]}"#;
