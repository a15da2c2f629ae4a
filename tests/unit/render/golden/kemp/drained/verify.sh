# verify for ex01.corp.example: drained; see about.txt
curl --netrc --silent --show-error --fail 'https://lm01.corp.example/access/showrs?vs=198.51.100.5&port=443&prot=tcp&rs=192.0.2.10&rsport=443'
curl --netrc --silent --show-error --fail 'https://lm01.corp.example/access/showrs?vs=198.51.100.5&port=25&prot=tcp&rs=192.0.2.10&rsport=25'
curl --netrc --silent --show-error --fail 'https://lm01.corp.example/access/showrs?vs=2001:db8:5::5&port=443&prot=tcp&rs=192.0.2.10&rsport=444'
